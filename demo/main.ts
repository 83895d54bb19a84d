import { existsSync } from "node:fs";
import { type DemoArguments, readArguments, USAGE } from "./arguments.ts";
import { LEGEND } from "./describe.ts";
import { forPeople, printEnding, printPromises, printWhereNext, title } from "./ending.ts";
import { followRuns } from "./follow-runs.ts";
import { openLead, play } from "./play.ts";
import { checkPromises } from "./promises.ts";
import { openOwnStage, openScriptedStage, type Stage } from "./stage.ts";
import { REQUEST } from "./story.ts";
import { openTerminal, type Terminal } from "./terminal.ts";
import { openTimeline } from "./timeline.ts";

/** The script takes about 12 s; a real team a few minutes. */
const SCRIPT_DEADLINE_MS = 90_000;
const MODEL_DEADLINE_MS = 20 * 60_000;

/** Runs the demo and answers its exit code. */
async function main(args: readonly string[]): Promise<number> {
  const terminal = openTerminal(process.stdout, process.env);
  const wanted = readArguments(args);
  if ("problem" in wanted) {
    console.error(`${wanted.problem}\n\n${USAGE}`);
    return 2;
  }
  if (wanted.help) {
    terminal.print(USAGE);
    return 0;
  }
  printGreeting(terminal, wanted);
  let opening: Promise<Stage> | undefined;
  let stage: Stage | undefined;
  let stopping = false;
  // Once: the second Ctrl-C of an impatient person ends this process, and with it its children.
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => {
      stopping = true;
      terminal.print("\nStopped. Ending what was started.");
      void stop(opening, wanted.keep).finally(() => process.exit(130));
    });
  }
  try {
    opening = wanted.model === undefined ? openScriptedStage() : openOwnStage(wanted.model);
    stage = await opening;
    if (stopping) return await forever();
    await stage.host.start();
    const passed = await show(terminal, stage, wanted);
    const keep = wanted.keep || !passed;
    if (keep) printKept(terminal, stage);
    await stage.close({ keep });
    return passed ? 0 : 1;
  } catch (failure) {
    if (stopping) return await forever();
    console.error(`\nThe demo failed: ${failure instanceof Error ? failure.message : String(failure)}`);
    if (stage) printKept(terminal, stage);
    await stage?.close({ keep: true });
    return 1;
  }
}

async function show(terminal: Terminal, stage: Stage, wanted: DemoArguments): Promise<boolean> {
  const lead = await openLead(stage);
  const runs = followRuns(stage.base);
  const startedAt = Date.now();
  const known = {
    get runs() {
      return runs.runs;
    },
    leadSessionId: lead.id,
    work: stage.host.work,
  };
  const timeline = openTimeline(terminal, known, startedAt);
  const ending = await play({
    stage,
    runs,
    timeline,
    lead,
    request: REQUEST,
    deadlineMs: wanted.model === undefined ? SCRIPT_DEADLINE_MS : MODEL_DEADLINE_MS,
  });
  timeline.add(await runs.poll());
  timeline.end();
  const seconds = (Date.now() - startedAt) / 1000;
  const run = runs.runs.at(-1);
  printEnding(terminal, stage, run, seconds);
  const promises = await checkPromises(stage, run);
  printPromises(terminal, promises);
  const passed = ending.closed && promises.every(({ seen }) => seen);
  if (passed) printWhereNext(terminal);
  else if (!ending.closed) terminal.print(terminal.paint("red", `\nThe demo failed: ${ending.reason}`));
  else terminal.print(terminal.paint("red", "\nThe demo failed: not everything was seen."));
  return passed;
}

function printGreeting(terminal: Terminal, { model }: DemoArguments): void {
  title(terminal, "opencode-flotilla: a lead and three members in a real OpenCode");
  terminal.print(
    model === undefined
      ? "The model is a script on this machine: no key, no network. Everything else is real: OpenCode,\nthe plugin, the sessions, the mail, the tools, the files. A line is something that was observed."
      : `The model is ${model.providerId}/${model.modelId} of your own OpenCode configuration, at your provider's price.`,
  );
  terminal.print(terminal.paint("dim", LEGEND));
  terminal.print("");
}

function printKept(terminal: Terminal, stage: Stage): void {
  title(terminal, "Kept");
  terminal.print(`  ${forPeople(stage.folder)}`);
  if (existsSync(stage.logFolder)) terminal.print(`  the host's log: ${forPeople(stage.logFolder)}`);
}

/** What is still being opened is waited for: it cannot be removed before it is there. */
async function stop(opening: Promise<Stage> | undefined, keep: boolean): Promise<void> {
  const [opened] = await Promise.allSettled(opening ? [opening] : []);
  if (opened?.status === "fulfilled") await opened.value.close({ keep });
}

/** The end comes from the signal's own course; whatever it breaks off here is no failure. */
function forever(): Promise<never> {
  return new Promise(() => {});
}

process.exitCode = await main(process.argv.slice(2));
