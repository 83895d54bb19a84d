/**
 * Names and instants, once each. All ids are plain strings: they are made by the `Ids` port, stored in JSON and compared
 * by equality only. Prefixes tell a person what an id in a log stands for; nothing parses them.
 */

/** One life of a team, `run_…`. Also the name of its folder. */
export type RunId = string;
/** A session of the host, `ses_…`. */
export type SessionId = string;
/** A mailbox message, `mail_…`. A broadcast has one id in every recipient's inbox. */
export type MessageId = string;
/** The messages of one recipient that travel in one host message, `batch_…`. */
export type BatchId = string;
/** `<run>/<revision>/<index>`: the same for every attempt to perform the effect. */
export type EffectId = string;
/** Numeric, from 1, in order of creation within a run. */
export type TaskId = number;
/** A member's name as in the spec, normalised: `^[a-z0-9][a-z0-9-]{0,63}$`. */
export type MemberName = string;

/** The lead's name in every `from` and `to`. Reserved: no member can have it. */
export const LEAD = "lead";
/** Sender of what the plugin itself has to say. Reserved. */
export const SYSTEM = "system";
/** Sender of what a person says through `flotilla tell`. Reserved. */
export const PERSON = "person";
/** Addresses all live participants but the sender. Reserved. */
export const EVERYONE = "*";

/** Who can have an inbox: the lead or a member. */
export type Participant = typeof LEAD | MemberName;
/** Who can stand in `from`. */
export type Sender = Participant | typeof SYSTEM | typeof PERSON;

/** Milliseconds since the epoch, from the `Clock` port. */
export type Instant = number;

/** The id of the n-th effect of a commit; performing an effect twice under one id must be harmless. */
export function effectId(runId: RunId, revision: number, index: number): EffectId {
  return `${runId}/${revision}/${index}`;
}
