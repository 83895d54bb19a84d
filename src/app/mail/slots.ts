import { type Instant, LEAD, type Participant } from "../../core/ids.ts";
import { workingMembers } from "../../core/policy.ts";
import { memberOf, type RunState } from "../../core/run.ts";

/**
 * Whoever has waited for this long is let in by the turns that have run for as long: they take no more mail of members and
 * come to their end. Longer than most turns take, so that a busy member reads at its next step as promised, and short
 * enough for a person who watches a member wait.
 */
export const PATIENCE_MS = 60_000;

/**
 * Who of the members may start a turn: so many at a time as `max_parallel_members` says, and of those that wait whoever has
 * waited longest.
 *
 * A slot is taken when mail goes out that will wake the member, and is the running turn's from then on. Only who has
 * something on its way has one: whoever is held, or has nothing left that could start a turn, has given it back. Who waits
 * for an approval or inside a `waitFor` lends it, and may exceed the limit when it goes on.
 *
 * Mail for a member that works joins its turn and needs no slot. So members that write to each other without end would
 * keep theirs for ever: {@link mayJoin} says when the queue comes first.
 */
export class Slots {
  /** Posted to while idle, and not started yet. */
  readonly #launching = new Set<Participant>();
  /** Since when the turns that run, or are about to, have had their slots; mail that joins one makes it no younger. */
  readonly #since = new Map<Participant, Instant>();
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

  take(recipient: Participant, now: Instant): void {
    this.#launching.add(recipient);
    this.#begin(recipient, now);
  }

  /** A turn runs, the one that the slot was taken for or another, and is counted itself. */
  started(recipient: Participant, now: Instant): void {
    this.#launching.delete(recipient);
    this.#begin(recipient, now);
  }

  /** No turn of the recipient's will start of what has gone out so far: whoever waits longest may have its slot. */
  giveBack(recipient: Participant): void {
    if (this.#launching.has(recipient)) this.free(recipient);
  }

  /** No turn of the recipient's runs any more, or is about to. */
  free(recipient: Participant): void {
    this.#launching.delete(recipient);
    this.#since.delete(recipient);
    this.offer();
  }

  /** Whether mail of other members may join the recipient's turn: not if that is old and somebody has waited for long. */
  mayJoin(recipient: Participant, now: Instant): boolean {
    if (recipient === LEAD || this.#parked.has(recipient)) return true;
    const isOld = (since: Instant): boolean => now - since >= PATIENCE_MS;
    return (
      ![...this.#waiting].some(([name, since]) => name !== recipient && isOld(since)) ||
      !isOld(this.#since.get(recipient) ?? now)
    );
  }

  /** A slot may be there: whoever waits is looked after, longest waiting first. */
  offer(): void {
    for (const recipient of [...this.#waiting.keys()]) this.#look(recipient);
  }

  wait(recipient: Participant, since: Instant): void {
    this.#waiting.set(recipient, since);
  }

  /** One that waits no more may have been what others were held back for. */
  stopWaiting(recipient: Participant): void {
    if (this.#waiting.delete(recipient)) this.offer();
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

  #begin(recipient: Participant, now: Instant): void {
    if (!this.#since.has(recipient)) this.#since.set(recipient, now);
  }

  #waitingBefore(recipient: Participant): number {
    const since = this.#waiting.get(recipient) ?? Number.POSITIVE_INFINITY;
    return [...this.#waiting].filter(([name, other]) => name !== recipient && other < since).length;
  }
}
