import type { Chance } from "./chance.ts";

/** How often what goes wrong, as probabilities; and how long the host takes. */
export interface Weather {
  /** A post that never arrives, told as an error or a deadline. */
  readonly unreachable: number;
  /** A post that arrives though its sender is told that it did not. */
  readonly unheard: number;
  /** A post that is answered with 204 and lost. */
  readonly swallowed: number;
  /** Any other question to the host that fails. */
  readonly unanswered: number;
  /** The row of a message is there long before its part. */
  readonly torn: number;
  /** A model call that fails. */
  readonly failing: number;
  /** A model call that takes minutes. */
  readonly slow: number;
  /** A step that asks for a permission. */
  readonly asking: number;
  /** A step before which the history is compacted. */
  readonly compacting: number;
  /** An event that never comes. */
  readonly lost: number;
  /** An event that comes twice. */
  readonly twice: number;
  /** An idle that is false. */
  readonly falseIdle: number;
  /** Events come up to this much later than the hooks. */
  readonly lateMs: number;
  /** A turn that a person stops. */
  readonly stopping: number;
  /** Undo that a person stages, for a while. */
  readonly undoing: number;
  /** A person's own prompt to a member, for each that the lead gets. */
  readonly meddling: number;
  /** The mean time between two crashes; 0: none. */
  readonly crashEveryMs: number;
  /** A second process has the run open. */
  readonly paired: boolean;
}

export const CALM: Weather = {
  unreachable: 0,
  unheard: 0,
  swallowed: 0,
  unanswered: 0,
  torn: 0,
  failing: 0,
  slow: 0,
  asking: 0,
  compacting: 0,
  lost: 0,
  twice: 0,
  falseIdle: 0,
  lateMs: 0,
  stopping: 0,
  undoing: 0,
  meddling: 0,
  crashEveryMs: 0,
  paired: false,
};

/** Each thing goes wrong in some histories and not in others, so that nothing is always hidden behind something else. */
export function weatherOf(chance: Chance): Weather {
  const sometimes = (most: number): number => (chance.happens(0.6) ? chance.fraction() * most : 0);
  return {
    unreachable: sometimes(0.1),
    unheard: sometimes(0.1),
    swallowed: sometimes(0.1),
    unanswered: sometimes(0.02),
    torn: sometimes(0.1),
    failing: sometimes(0.1),
    slow: sometimes(0.03),
    asking: sometimes(0.03),
    compacting: sometimes(0.08),
    lost: sometimes(0.03),
    twice: sometimes(0.2),
    falseIdle: sometimes(0.1),
    lateMs: chance.oneOf([0, 5, 100, 1_000]),
    stopping: sometimes(0.02),
    undoing: sometimes(0.02),
    meddling: sometimes(0.2),
    crashEveryMs: chance.happens(0.6) ? chance.between(20_000, 600_000) : 0,
    paired: chance.happens(0.4),
  };
}
