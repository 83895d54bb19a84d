import type { Command } from "./command.ts";
import { doctor } from "./doctor.ts";
import { limit } from "./limit.ts";
import { status } from "./status.ts";

/** All of them, in the order in which they are shown. */
export const COMMANDS: readonly Command[] = [doctor, status, limit];
