/**
 * A list that grows while a test watches it.
 *
 * Everything the bench observes from outside (requests to the model, events of the host) arrives when it likes.
 * A test that asks too early must wait, one that asks too late must still find it: so a recording keeps every item
 * and answers from the past as well as from the future.
 */
export interface Recording<Item> {
  readonly items: readonly Item[];
  add(item: Item): void;
  /** Settles with the first item, past or future, that `matches`. Rejects after `timeoutMs`, listing what there was. */
  first(matches: (item: Item) => boolean, options?: WaitOptions): Promise<Item>;
  /** Look again at items already recorded: for those that changed after they were added. */
  touch(item: Item): void;
  /** Drops what is recorded so far, for a test that would otherwise keep thousands; answers it. */
  forget(): readonly Item[];
}

export interface WaitOptions {
  readonly timeoutMs?: number;
  /** What is awaited, in the words of the test; appears in the failure. */
  readonly what?: string;
}

/** Long enough for a cold first turn (about 5 s on two cores) next to other hosts, short enough to read the failure. */
export const DEFAULT_WAIT_MS = 30_000;

interface Waiter<Item> {
  readonly matches: (item: Item) => boolean;
  readonly found: (item: Item) => void;
  readonly broken: (cause: unknown) => void;
}

export function openRecording<Item>(
  noun: string,
  describe: (items: readonly Item[]) => string,
): Recording<Item> {
  const items: Item[] = [];
  const waiters = new Set<Waiter<Item>>();

  function offer(item: Item): void {
    for (const waiter of [...waiters]) {
      try {
        if (waiter.matches(item)) waiter.found(item);
      } catch (cause) {
        waiter.broken(cause);
      }
    }
  }

  return {
    items,
    add(item) {
      items.push(item);
      offer(item);
    },
    touch: offer,
    forget: () => items.splice(0),
    first(matches, { timeoutMs = DEFAULT_WAIT_MS, what } = {}) {
      const known = items.find(matches);
      if (known !== undefined) return Promise.resolve(known);
      // Captured here, because a stack made inside the timer does not name the test.
      const failure = new Error();
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiters.delete(waiter);
          failure.message = `no ${what ?? noun} within ${timeoutMs} ms; recorded so far:\n${describe(items)}`;
          reject(failure);
        }, timeoutMs);
        const waiter: Waiter<Item> = {
          matches,
          found(item) {
            clearTimeout(timer);
            waiters.delete(waiter);
            resolve(item);
          },
          broken(cause) {
            clearTimeout(timer);
            waiters.delete(waiter);
            reject(cause);
          },
        };
        waiters.add(waiter);
      });
    },
  };
}
