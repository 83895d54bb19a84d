import type { SessionId } from "../core/ids.ts";
import { fields, text } from "./decode.ts";

/** The session in which a call of the host's `task` tool is to go on, if its arguments name one. */
export function taskTarget(input: unknown): SessionId | undefined {
  return text(fields(input)["task_id"]);
}
