import type { FlotillaMark } from "../core/delivery.ts";
import type { HostSession } from "../ports.ts";
import { type Fields, fields, finite, text } from "./decode.ts";

/** The key in a part's and in a session's metadata under which everything of ours lies. */
export const METADATA_KEY = "flotilla";

/** The member that a session was opened for, if it was. */
export function memberIn(session: Fields): HostSession["mark"] {
  const mark = sessionMarkIn(session);
  const runId = text(mark["runId"]);
  const member = text(mark["member"]);
  return runId === undefined || member === undefined ? undefined : { runId, member };
}

export function sessionMarkIn(session: Fields): Fields {
  return fields(fields(session["metadata"])[METADATA_KEY]);
}

/** Our mark on a part, if it is a text part that carries a whole one. */
export function markOf(part: unknown): FlotillaMark | undefined {
  const { type, metadata } = fields(part);
  if (type !== "text" || metadata === undefined) return undefined;
  const mark = fields(fields(metadata)[METADATA_KEY]);
  const runId = text(mark["runId"]);
  const batchId = text(mark["batchId"]);
  const round = finite(mark["round"]);
  if (runId === undefined || batchId === undefined || round === undefined) return undefined;
  return mark["reminder"] === true ? { runId, batchId, round, reminder: true } : { runId, batchId, round };
}
