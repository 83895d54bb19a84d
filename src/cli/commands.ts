import { answer } from "./answer.ts";
import type { Command } from "./command.ts";
import { doctor } from "./doctor.ts";
import { gc } from "./gc.ts";
import { init } from "./init.ts";
import { limit } from "./limit.ts";
import { log } from "./log.ts";
import { report } from "./report.ts";
import { status } from "./status.ts";
import { tell } from "./tell.ts";
import { trace } from "./trace.ts";
import { why } from "./why.ts";

/** All of them, in the order in which they are shown. */
export const COMMANDS: readonly Command[] = [
  doctor,
  status,
  why,
  log,
  trace,
  report,
  tell,
  answer,
  limit,
  init,
  gc,
];
