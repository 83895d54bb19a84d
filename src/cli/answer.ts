import { join } from "node:path";
import type { GateAnswer } from "../app/answer-gate.ts";
import type { Gate } from "../core/facts.ts";
import type { RunState } from "../core/run.ts";
import { FlotillaError } from "../errors.ts";
import { type Command, command, JSON_OPTION, RUN_WORD } from "./command.ts";
import { follow, type Look } from "./follow.ts";
import { baseDirOf, readRuns, runsMeant } from "./live-runs.ts";
import { sayGate } from "./say-wait.ts";
import { plain } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import type { RunView, World } from "./world.ts";

/**
 * Answers what a member waits for, through the process that owns the run: some requests are shown by no view of OpenCode, and
 * nothing but that process reaches them.
 */
export const answer: Command = command({
  name: "answer",
  does: "answers a permission that a member waits for",
  about: [
    "OpenCode shows no request of a member in a worktree, nor of a member's own subagent; `flotilla status` says who waits for what.",
    "once allows this one call. always allows, beyond that, what OpenCode names with the request: to every session of that directory, members or not, until OpenCode ends. reject refuses: with a message the member reads it and goes on, without one its turn ends.",
  ],
  words: [
    { name: "MEMBER", does: "who waits, or lead" },
    { name: "once|always|reject", does: "the answer" },
    { name: "MESSAGE", does: "with reject: what the member is told", optional: true, many: true },
  ],
  options: {
    run: { value: "RUN", does: RUN_WORD.does },
    request: { value: "ID", does: "which request, where the member waits for several" },
    ...JSON_OPTION,
  },
  examples: [
    { line: "flotilla answer ada once", does: "this one time" },
    { line: "flotilla answer ada reject Use git mv instead.", does: "ada reads that and goes on" },
  ],
  exitCodes: {
    0: "the member has its answer",
    1: "it has not, or not yet: standard output says why",
    2: "not done: something was misused, missing or broken; standard error says what and what to do",
  },
  async start(world, { words: [member = "", word = "", ...more], options, terminal }) {
    const reply = understood(word, more);
    const baseDir = baseDirOf(world);
    const { views } = await readRuns(world, baseDir);
    const view = waitingRun(runsMeant(world, views, options.run), member);
    const gate = theGate(view.state, member, options.request);
    const wanted = { participant: member, requestId: gate.requestId, ...reply };
    const outcome = await hand(world, terminal, baseDir, view, wanted);
    const { runId, team } = view.state;
    const text = options.json
      ? JSON.stringify({ runId, team: team.name, ...wanted, permission: gate.subject, outcome }, null, 2)
      : [`${member} (${team.name}) asks: ${sayGate(gate)}`, `  ${say(outcome, view, reply, gate)}`]
          .map(plain)
          .join("\n");
    return { text, code: outcome === "taken" ? 0 : 1 };
  },
});

type Reply = Pick<GateAnswer, "reply" | "message">;

const REPLIES: readonly Reply["reply"][] = ["once", "always", "reject"];

function understood(word: string, more: readonly string[]): Reply {
  const reply = REPLIES.find((one) => one === word);
  if (reply === undefined) throw misuse(`"${word}" is no answer`, `Answers are: ${REPLIES.join(", ")}.`);
  if (more.length === 0) return { reply };
  if (reply === "reject") return { reply, message: more.join(" ") };
  throw misuse(`a message goes with reject, not with ${reply}`, "Say it to the member with `flotilla tell`.");
}

/** The one run in which a member of that name waits. */
function waitingRun(views: readonly RunView[], member: string): RunView {
  const waiting = views.filter(({ state }) => gatesOf(state, member).length > 0);
  const [only, ...others] = waiting;
  if (only && others.length === 0) return only;
  if (only) {
    const runs = waiting.map(({ state }) => `${state.team.name} (${state.runId})`);
    throw misuse(`${member} waits in ${waiting.length} runs: ${runs.join(", ")}`, "Say which with --run.");
  }
  const there = views.flatMap(({ state }) => asking(state));
  throw new FlotillaError({
    code: "request_unknown",
    message: `${member} waits for no answer; ${there.length === 0 ? "nobody does" : `there wait: ${there.join("; ")}`}`,
    hint: "`flotilla status` shows how the members stand.",
  });
}

function gatesOf({ lead, members }: RunState, name: string): readonly Gate[] {
  if (name === "lead") return lead.gates;
  return (Object.hasOwn(members, name) ? members[name]?.gates : undefined) ?? [];
}

function asking(state: RunState): readonly string[] {
  return ["lead", ...Object.keys(state.members)].flatMap((name) =>
    gatesOf(state, name).map((gate) => `${name} (${state.team.name}), ${sayGate(gate)}`),
  );
}

function theGate(state: RunState, member: string, wanted: string | undefined): Gate {
  const gates = gatesOf(state, member);
  const found = gates.filter(({ requestId }) => wanted === undefined || requestId.startsWith(wanted));
  const [only, ...others] = found;
  if (only && others.length === 0) return only;
  const list = gates.map((gate) => `${gate.requestId}, ${sayGate(gate)}`).join("; ");
  if (only) throw misuse(`${member} waits for ${found.length} answers: ${list}`, "Say which with --request.");
  throw misuse(`${member} waits for no answer to "${wanted}": ${list}`, "Name a request by its id.");
}

/** `taken`; `waiting`: not handed over yet; `failed`: handed over, and the request is still there; `unowned`: nobody can. */
type HandedOver = "taken" | "waiting" | "failed" | "unowned";

/** The owner sees a commit within a second, and the host takes some milliseconds; the rest is for a machine at work. */
const PATIENCE_MS = 8_000;

async function hand(
  world: World,
  terminal: Terminal,
  baseDir: string,
  view: RunView,
  wanted: GateAnswer,
): Promise<HandedOver> {
  // Whatever asked is gone with the process that ran it.
  if (!view.owner?.alive) return "unowned";
  const { runId } = view.state;
  await world.answerGate(baseDir, runId, wanted);
  const runs = world.openRuns(baseDir);
  let outcome: HandedOver = "waiting";
  const look = async (): Promise<Look> => {
    outcome = outcomeIn(await runs.readState(runId), wanted);
    return { folders: [join(baseDir, "runs", runId)], isLast: outcome !== "waiting" };
  };
  await follow(world, terminal, look, PATIENCE_MS);
  return outcome;
}

function outcomeIn(state: RunState, { participant, requestId }: GateAnswer): HandedOver {
  if (!gatesOf(state, participant).some((gate) => gate.requestId === requestId)) return "taken";
  const isWanted = state.outbox.some(
    (effect) => effect.type === "answer_permission" && effect.requestId === requestId,
  );
  return isWanted ? "waiting" : "failed";
}

function say(
  outcome: HandedOver,
  { owner, state }: RunView,
  { reply, message }: Reply,
  { always }: Gate,
): string {
  switch (outcome) {
    case "taken":
      if (reply === "once") return "allowed, this once";
      if (reply === "always") {
        return `allowed, and from now on for every session of that directory: ${always?.join(", ") ?? "what it asks for"}`;
      }
      return message === undefined ? "rejected: its turn ends" : "rejected: it is told why and goes on";
    case "waiting":
      return `process ${owner?.pid} owns the run and has not handed the answer over yet; it stands in the run and will be`;
    case "failed":
      return `process ${owner?.pid} owns the run and could not hand the answer over: OpenCode's log says why`;
    case "unowned":
      return `no process owns the run, and nothing was answered: start OpenCode in ${state.lead.directory}`;
  }
}

function misuse(message: string, hint: string): FlotillaError {
  return new FlotillaError({ code: "argument_invalid", message, hint });
}
