/**
 * What the plugin instances of one process share, by base folder. They find each other on `globalThis`, also when the
 * package was loaded from two places: a member's session may live in another directory than its lead's, with a checkout of
 * its own, and the run has one core.
 *
 * Nothing is imported here: the plugin's door looks in before it loads anything.
 */
const REGISTRY = Symbol.for("opencode-flotilla/1");

export type Registry<Shared> = Map<string, Promise<Shared>>;

const holder = globalThis as { [REGISTRY]?: Registry<unknown> };

export function registry<Shared>(): Registry<Shared> {
  holder[REGISTRY] ??= new Map();
  return holder[REGISTRY] as Registry<Shared>;
}

/** Whether flotilla is on for some directory of this process. */
export function isOnHere(): boolean {
  return (holder[REGISTRY]?.size ?? 0) > 0;
}
