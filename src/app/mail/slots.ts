import { type Instant, LEAD, type Participant } from "../../core/ids.ts";
import { workingMembers } from "../../core/policy.ts";
import { memberOf, type RunState } from "../../core/run.ts";

/**
 * Who of the members may start a turn: so many at a time as `max_parallel_members` says, and of those that wait whoever has
 * waited longest.
 *
 * A slot is taken when mail goes out that will wake the member, and is the running turn's from then on. Only who has
 * something on its way has one: whoever is held, or has nothing left that could start a turn, has given it back. Who waits
 * for an approval or inside a `waitFor` lends it, and may exceed the limit when it goes on.
 */
export class Slots {
  /** Posted to while idle, and not started yet. */
  readonly #launching = new Set<Participant>();
  /** Inside a `waitFor`, so many calls of it. */
  readonly #parked = new Map<Participant, number>();
  /** Whose mail waits for a slot, and since when; longest first. */
  readonly #waiting = new Map<Participant, Instant>();
  readonly #look: (recipient: Participant) => void;

  /** @param look looks after the mail of one who waits. */
  constructor(look: (recipient: Participant) => void) {
    this.#look = look;
  }

  /** Slots that are there for the recipient; what it has itself, or what another waits for longer, is none. */
  freeFor(recipient: Participant, state: RunState): number {
    const isWorking = (name: Participant): boolean => memberOf(state, name)?.status === "working";
    const launching = [...this.#launching].filter(
      (name) => name !== recipient && name !== LEAD && !isWorking(name),
    );
    const lent = [...this.#parked.keys()].filter(isWorking);
    const taken = workingMembers(state) + launching.length - lent.length;
    return state.limits.maxParallelMembers - taken - this.#waitingBefore(recipient);
  }

  isLaunching(recipient: Participant): boolean {
    return this.#launching.has(recipient);
  }

  take(recipient: Participant): void {
    this.#launching.add(recipient);
  }

  /** The turn that the slot was taken for runs and is counted itself, or nothing has come of it. */
  launchOver(recipient: Participant): void {
    this.#launching.delete(recipient);
  }

  /** No turn of the recipient's will start of what has gone out so far: whoever waits longest may have its slot. */
  giveBack(recipient: Participant): void {
    if (this.#launching.delete(recipient)) this.offer();
  }

  /** A slot may be there: whoever waits is looked after, longest waiting first. */
  offer(): void {
    for (const recipient of [...this.#waiting.keys()]) this.#look(recipient);
  }

  wait(recipient: Participant, since: Instant): void {
    this.#waiting.set(recipient, since);
  }

  stopWaiting(recipient: Participant): void {
    this.#waiting.delete(recipient);
  }

  /** A member that waits inside a tool call lends its slot; the returned function takes it back. */
  park(recipient: Participant): () => void {
    this.#parked.set(recipient, (this.#parked.get(recipient) ?? 0) + 1);
    this.offer();
    return () => {
      const left = (this.#parked.get(recipient) ?? 1) - 1;
      if (left > 0) this.#parked.set(recipient, left);
      else this.#parked.delete(recipient);
    };
  }

  #waitingBefore(recipient: Participant): number {
    const since = this.#waiting.get(recipient) ?? Number.POSITIVE_INFINITY;
    return [...this.#waiting].filter(([name, other]) => name !== recipient && other < since).length;
  }
}
