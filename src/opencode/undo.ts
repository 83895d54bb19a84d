import { type Fields, fields, text } from "./decode.ts";

/** Whether a session, as the host describes it, is in the middle of an undo: the next prompt of anybody's makes it final. */
export function isUndoStaged(session: Fields): boolean {
  return text(fields(session["revert"])["messageID"]) !== undefined;
}
