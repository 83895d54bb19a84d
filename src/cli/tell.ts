import { join } from "node:path";
import type { DeliveryPhase } from "../core/delivery.ts";
import type { Message } from "../core/message.ts";
import { FlotillaError } from "../errors.ts";
import { type Command, command, JSON_OPTION, RUN_WORD } from "./command.ts";
import { follow } from "./follow.ts";
import { baseDirOf, readRuns, theRun } from "./live-runs.ts";
import { sayWait } from "./say-wait.ts";
import { plain } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { timeOfDay } from "./time.ts";
import type { RunView, StoredMessage, World } from "./world.ts";

/** Cold hosts take up to 5 s from a post to the model (measured); a person waits twice that without wondering. */
const WAIT_SECONDS = 10;

/** How far a message has come. */
type Stage = "written" | "posted" | "seen" | "done" | "dead";

/**
 * A person's word to a member: the host gives the session of a member no prompt box. It is durable when this has said so, and
 * whoever owns the run delivers it like any other message.
 */
export const tell: Command = command({
  name: "tell",
  does: "writes to a member, or to the lead, as the person that you are",
  about: [
    "The message is on disk before anything is said; from there the OpenCode that owns the run delivers it like any other. A word of yours also lets a member go on that you have stopped, or that waits after an error.",
    "Then it waits for some seconds and says how far the message has come: posted to the session, seen by the model, done when that turn is over. Not to wait takes nothing away from it.",
  ],
  words: [
    { name: "MEMBER", does: "a member's name, lead, or '*' for everybody" },
    { name: "TEXT", does: "what to say; - reads it from standard input", many: true },
  ],
  options: {
    run: { value: "RUN", does: RUN_WORD.does },
    wait: { value: "SECONDS", does: `how long to watch it, ${WAIT_SECONDS} if not said, 0 for not at all` },
    ...JSON_OPTION,
  },
  examples: [
    {
      line: 'flotilla tell ada "Leave the tests to bo."',
      does: "to a member of the run that is led from here",
    },
    { line: "flotilla tell lead - < notes.md", does: "a longer text, to the lead" },
    { line: "flotilla tell '*' \"Wrap up.\" --run nightly --wait 0", does: "to everybody in that run" },
  ],
  exitCodes: {
    0: "the message is on disk, however far it has come",
    2: "nothing was sent; standard error says why",
  },
  async start(world, { words: [to = "", ...said], options, terminal }) {
    const waitMs = secondsIn(options.wait) * 1_000;
    const body = said.length === 1 && said[0] === "-" ? await terminal.input() : said.join(" ");
    const baseDir = baseDirOf(world);
    const view = theRun(world, (await readRuns(world, baseDir)).views, options.run);
    const { messages } = await sent(world, baseDir, view, to, body);
    const print = options.json ? () => undefined : terminal.print;
    const stages = await watched(world, baseDir, view, messages, waitMs, { ...terminal, print });
    if (options.json) {
      const delivered = messages.map((message) => ({ to: message.to, stage: stages.get(message) }));
      const { runId } = view.state;
      return {
        text: JSON.stringify({ runId, messageId: messages[0]?.messageId, delivered }, null, 2),
        code: 0,
      };
    }
    const behind = messages.filter((message) => stages.get(message) === "written");
    for (const line of await reasons(world, baseDir, view, behind)) print(`${line}\n`);
    return { code: 0 };
  },
});

function secondsIn(text: string | undefined): number {
  const seconds = text === undefined ? WAIT_SECONDS : Number(text);
  if (Number.isFinite(seconds) && seconds >= 0 && text?.trim() !== "") return seconds;
  throw new FlotillaError({
    code: "argument_invalid",
    message: `--wait: received "${text}". Allowed: a number of seconds, 0 or more`,
    hint: "Leave it out to wait for 10 seconds.",
  });
}

/** What is refused is so for a model; its next step is another one here. */
async function sent(
  world: World,
  baseDir: string,
  { state }: RunView,
  to: string,
  body: string,
): ReturnType<World["tell"]> {
  try {
    return await world.tell(baseDir, state.runId, { to, body });
  } catch (fault) {
    throw fault instanceof FlotillaError ? forAPerson(fault) : fault;
  }
}

/** What helps a model that writes to a member is of no use to whoever sits at a shell. */
function forAPerson(fault: FlotillaError): FlotillaError {
  const { code, message } = fault;
  const hint = HINTS[code];
  return hint === undefined ? fault : new FlotillaError({ code, message, hint, cause: fault });
}

const HINTS: Readonly<Partial<Record<FlotillaError["code"], string>>> = {
  member_unknown: "flotilla status shows who is there.",
  member_ended: "Tell the lead; it can add a member of that name again.",
  body_empty: 'Say something, as in: flotilla tell ada "Go on."',
  message_budget_spent: "Raise it: flotilla limit max_messages_per_run=...",
};

/** Says each new stage of each message until all are done or the time is over. */
async function watched(
  world: World,
  baseDir: string,
  view: RunView,
  messages: readonly Message[],
  waitMs: number,
  terminal: Terminal,
): Promise<ReadonlyMap<Message, Stage>> {
  const stages = new Map<Message, Stage>(messages.map((message) => [message, "written"]));
  const say = (message: Message, stage: Stage): void =>
    terminal.print(`${timeOfDay(world.now)}  ${plain(message.to)}: ${SAYINGS[stage]}\n`);
  for (const message of messages) say(message, "written");
  if (waitMs === 0) return stages;
  const runs = world.openRuns(baseDir);
  const { runId } = view.state;
  const path = join(baseDir, "runs", runId);
  await follow(
    world,
    terminal,
    async () => {
      for (const message of messages) {
        const stored = await runs.readMessage(runId, message.to, message.messageId);
        const stage = stored && stageOf(stored);
        // One that is just being moved is seen with the next look.
        if (stage === undefined || stage === stages.get(message)) continue;
        stages.set(message, stage);
        say(message, stage);
      }
      return {
        folders: [path, ...messages.map(({ to }) => join(path, "inboxes", to))],
        isLast: [...stages.values()].every((stage) => AT_END.has(stage)),
      };
    },
    waitMs,
  );
  return stages;
}

const SAYINGS: Readonly<Record<Stage, string>> = {
  written: "on disk",
  posted: "posted to its session",
  seen: "seen by its model",
  done: "done: its model has answered and the turn is over",
  dead: "given up; flotilla log says why",
};

const AT_END: ReadonlySet<Stage> = new Set<Stage>(["done", "dead"]);

const STAGES: Readonly<Record<DeliveryPhase, Stage>> = {
  reserved: "written",
  posted: "posted",
  stored: "posted",
  witnessed: "seen",
  answered: "seen",
  acked: "done",
  returned: "written",
  dead: "dead",
};

function stageOf({ place, batch }: StoredMessage): Stage {
  if (place === "processed") return "done";
  if (place === "dead") return "dead";
  return batch === undefined ? "written" : STAGES[batch.phase];
}

/** Why it has come no further, for those that are still where they were written. */
async function reasons(
  world: World,
  baseDir: string,
  { state: { runId } }: RunView,
  messages: readonly Message[],
): Promise<readonly string[]> {
  if (messages.length === 0) return [];
  const runs = world.openRuns(baseDir);
  const view = await runs.read(runId);
  const readers = messages.map(({ to }) => to);
  return world
    .waitsOf(view, await runs.readWaitingMail(view))
    .filter((wait) => wait.kind === "owner" || (wait.kind === "mail" && readers.includes(wait.to)))
    .flatMap((wait) => {
      const { text, todo } = sayWait(world, view, wait);
      return [text, ...(todo === undefined ? [] : [`  ${todo}`])];
    });
}
