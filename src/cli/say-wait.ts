import type { Gate } from "../core/facts.ts";
import type { Participant, TaskId } from "../core/ids.ts";
import type { Wait, WaitingMail, WaitKind } from "../core/waits.ts";
import { LIMIT_KEYS, type LimitKey, RUN_LIMITS } from "../options.ts";
import { counted, plain, quoted } from "./table.ts";
import { timeOfDay } from "./time.ts";
import type { RunView, World } from "./world.ts";

/** A wait for people: what is so, and the command or key that would help, if one would. */
export interface SaidWait {
  readonly text: string;
  /** In one piece, to be copied. */
  readonly todo?: string;
  /** What else would do, or what it leads to. */
  readonly besides?: string;
}

type Of<Kind extends WaitKind> = Extract<Wait, { readonly kind: Kind }>;

interface Context {
  readonly view: RunView;
  readonly age: World["age"];
}

export function sayWait({ age }: World, view: RunView, wait: Wait): SaidWait {
  const say = SAYINGS[wait.kind] as (wait: Wait, context: Context) => SaidWait;
  const { text, todo, besides } = say(wait, { view, age });
  return {
    text: plain(text),
    ...(todo === undefined ? {} : { todo: plain(todo) }),
    ...(besides === undefined ? {} : { besides }),
  };
}

export function sayGate({ kind, subject, detail }: Gate): string {
  return kind === "permission" ? `permission ${subject} (${detail})` : `question: ${detail}`;
}

const SAYINGS: { readonly [Kind in WaitKind]: (wait: Of<Kind>, context: Context) => SaidWait } = {
  owner: ({ owner, since }, { view: { state, owner: process }, age }) => ({
    text:
      owner === "dead"
        ? `Nobody moves the run: the process that owned it (${process?.pid}) is gone, and what its members were doing has stopped.`
        : `Nobody moves the run: OpenCode was closed${since === undefined ? "" : ` ${age(since)} ago`}.`,
    todo: `Start OpenCode in ${state.lead.directory}: it takes the run over and goes on.`,
  }),
  run: ({ status, since }, { age }) => ({
    text: `The run has been ${status} for ${age(since)}: what that takes is being carried out.`,
  }),
  approval: ({ who, gate, since }, { view, age }) => {
    const text = `${who} has waited ${age(since)} for your answer: ${sayGate(gate)}.`;
    if (who === "lead" || gate.kind === "question") return { text, todo: "Answer it in OpenCode." };
    return { text, ...command(view, `answer ${who} once`, "or always, or reject with a message") };
  },
  stopped: ({ who, since }, { view, age }) => ({
    text: `${who} was stopped by a person${since === undefined ? "" : ` ${age(since)} ago`} and waits for a word.`,
    ...(who === "lead"
      ? { todo: "Prompt the lead in OpenCode." }
      : command(view, `tell ${who} "Go on."`, "or as you like")),
  }),
  budget: ({ budget, member, limit, used, allowed }, { view }) => {
    const { unit } = RUN_LIMITS[keyOf(limit)];
    const figures = `${sayAmount(used / unit)} of ${sayAmount(allowed / unit)}`;
    const whose = member === undefined ? "The run" : member;
    const stops = budget === "messages" ? "nobody can send any more" : "no new turn of it begins";
    return {
      text: `${whose} has used up ${keyOf(limit)} (${figures}): ${stops}.`,
      ...command(view, `limit ${view.state.runId} ${keyOf(limit)}=${sayAmount((allowed / unit) * 2)}`),
    };
  },
  backoff: ({ who, until, failures, fault }, { view }) => ({
    text: `${who} begins no turn before ${timeOfDay(until)}: ${counted(failures, "turn")} failed in a row${
      fault === undefined ? "" : ` (${fault.name}: ${fault.message})`
    }.`,
    ...command(view, `tell ${who} "Go on."`, "it begins at once"),
  }),
  interrupted: ({ who, since, reason }, { view, age }) => ({
    text: `${who} was interrupted ${age(since)} ago${because(reason)}, and nothing is on its way that would wake it.`,
    ...command(view, `tell ${who} "Go on."`),
  }),
  slot: ({ who, since, working }, { view, age }) => {
    const { maxParallelMembers } = view.state.limits;
    return {
      text: `${names(who)} ${who.length === 1 ? "has" : "have"} waited ${age(since)} for a slot: ${names(
        working,
      )} ${working.length === 1 ? "works" : "work"}, and max_parallel_members is ${maxParallelMembers}.`,
      ...command(view, `limit ${view.state.runId} max_parallel_members=${maxParallelMembers + who.length}`),
    };
  },
  shutdown: ({ who, status, since, by, reason }, { view, age }) =>
    status === "approved"
      ? { text: `${who} ends when its turn is over: its shutdown was approved ${age(since)} ago.` }
      : {
          text: `${who} has not answered ${by === undefined || by === who ? "a" : `${by}'s`} shutdown request of ${age(since)} ago${because(reason)}.`,
          ...command(view, `tell ${who} "Answer the shutdown request."`),
        },
  starting: ({ who, since }, { age }) => ({
    text: `${who} has been starting for ${age(since)}: its session is being made.`,
  }),
  ended: ({ who, status, since, reason }, { view, age }) => ({
    text: `${who} has been ${status} for ${age(since)}${because(reason)} and reads no more; its mail waits for a member of that name.`,
    ...command(view, `tell lead "Add ${who} to the team again."`),
  }),
  mail: sayMail,
  circles: ({ who, count }, { view }) => ({
    text: `${names(who)} have answered each other ${count} times without a task changing, and may not write to each other.`,
    ...command(view, `tell ${who[0]} "..."`, "a word of yours to either ends it"),
  }),
  task: ({ taskId, blocks, status, owner, since }, { view, age }) => {
    const wait = blocks.length === 1 ? "waits" : "wait";
    const text = `${blocks.length === 1 ? "Task" : "Tasks"} ${numbered(blocks)} ${wait} for #${taskId}`;
    if (status === undefined) {
      const advice = command(view, `tell lead "Take #${taskId} out of blockedBy."`);
      return { text: `${text}, whose record is missing or cannot be read.`, ...advice };
    }
    const ago = since === undefined ? "" : ` for ${age(since)}`;
    if (status !== "pending") {
      const word = status === "in_progress" ? "in progress" : status;
      return { text: `${text}, which ${owner} has had ${word}${ago}.` };
    }
    const whose = owner === undefined ? "nobody has taken" : `${owner} has not begun`;
    return {
      text: `${text}, which is ready and ${whose}${ago}.`,
      ...command(view, `tell ${owner ?? "lead"} "See to task #${taskId}."`),
    };
  },
  quiet: ({ open, told }, { view }) => ({
    text: `Nobody works, no mail is unread, and ${
      open.length === 1 ? `task ${numbered(open)} is` : `tasks ${numbered(open)} are`
    } open${told === undefined ? "" : `; ${told} has been told`}.`,
    ...command(view, 'tell lead "..."', "what is to be done about them"),
  }),
  retry: ({ who, attempt, nextAt }) => ({
    text: `${who} waits for its provider, which has failed ${counted(attempt, "time")}; it is tried again at ${timeOfDay(nextAt)}.`,
    todo: "Stop its turn in OpenCode (Esc), or wait.",
  }),
  turn: ({ who, since }, { age }) => ({ text: `${who} has been at work for ${age(since)}.` }),
};

/** What is in the way of mail, where no other wait says it in full. */
const HOLDS: Readonly<
  Record<NonNullable<WaitingMail["hold"]>, { readonly says: string; readonly todo?: string }>
> = {
  owner: { says: "nobody delivers it now" },
  run_not_active: { says: "the run is not active" },
  starting: { says: "its session is being made" },
  ended: { says: "it reads no more" },
  approval: { says: "it waits for your answer" },
  shutdown: { says: "it is about to end" },
  stopped_by_person: { says: "it was stopped by a person" },
  backoff: { says: "its last turn failed" },
  budget: { says: "a limit is used up" },
  slot: { says: "as many members work as may" },
  rate: { says: "it was woken very often in a short time, and is woken again soon" },
  undo_staged: {
    says: "an undo is staged in its session, and any prompt would make it final",
    todo: "Prompt that session in OpenCode, or take the undo back (/redo).",
  },
  held_elsewhere: {
    says: "another OpenCode runs its session",
    todo: "It goes on when that one is idle or closed.",
  },
};

function sayMail(wait: WaitingMail, { age }: Context): SaidWait {
  const { to, from, count, since, hold, trouble, underway } = wait;
  const waits = count === 1 ? "has" : "have";
  const text = `${counted(count, "message")} from ${names(from)} ${waits} waited ${age(since)} for ${to}`;
  if (hold !== undefined) {
    const { says, todo } = HOLDS[hold] ?? { says: hold };
    return { text: `${text}: ${says}.`, ...(todo === undefined ? {} : { todo }) };
  }
  if (trouble !== undefined) {
    const { attempts, error, nextAt } = trouble;
    return {
      text: `${text}: ${counted(attempts, "attempt")} failed (${error}); the next is at ${timeOfDay(nextAt)}.`,
      todo: "flotilla doctor",
    };
  }
  const stage =
    underway === 0
      ? "about to be posted"
      : "posted to its session, and done when the model has answered and the turn is over";
  return { text: `${text}: ${stage}.` };
}

/** A command about that run, as it can be copied. */
function command({ state }: RunView, words: string, besides?: string): Pick<SaidWait, "todo" | "besides"> {
  const which = words.startsWith("limit ") ? "" : ` --run ${quoted(state.runId)}`;
  return { todo: `flotilla ${words}${which}`, ...(besides === undefined ? {} : { besides }) };
}

function keyOf(limit: Of<"budget">["limit"]): LimitKey {
  return LIMIT_KEYS.find((key) => RUN_LIMITS[key].limit === limit) as LimitKey;
}

function sayAmount(amount: number): string {
  return String(Number(amount.toFixed(amount < 100 ? 2 : 0)));
}

function because(reason: string | undefined): string {
  return reason === undefined ? "" : ` (${reason})`;
}

/** `ada`, `ada and bo`, `ada, bo and cy`. */
function names(all: readonly Participant[]): string {
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}

function numbered(tasks: readonly TaskId[]): string {
  return names(tasks.map((taskId) => `#${taskId}`));
}
