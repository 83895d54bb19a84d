import type { TaskStatus } from "../core/task.ts";
import { choice } from "./argument.ts";
import type { Argument } from "./reading.ts";

const STATUSES: Readonly<Record<TaskStatus, true>> = {
  pending: true,
  claimed: true,
  in_progress: true,
  completed: true,
  deleted: true,
};

export function taskStatus(description: string): Argument<TaskStatus> {
  return choice(STATUSES, description);
}
