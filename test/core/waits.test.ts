import { describe, expect, test } from "bun:test";
import type { Batch } from "../../src/core/delivery.ts";
import type { Gate } from "../../src/core/facts.ts";
import type { Message } from "../../src/core/message.ts";
import type { Member, RunState } from "../../src/core/run.ts";
import type { Task } from "../../src/core/task.ts";
import { VOLLEY_MAX } from "../../src/core/volley.ts";
import { type Standing, waitsOf } from "../../src/core/waits.ts";
import { batch, member, message, NOON, runState, task } from "../contract/samples.ts";
import { participantSurvey } from "../contract/status-board.ts";

const NOW = NOON + 60_000;

interface Case {
  readonly state?: Partial<RunState>;
  readonly ada?: Partial<Member>;
  readonly bo?: Partial<Member>;
  readonly owner?: Standing["owner"];
  readonly tasks?: readonly Task[];
  readonly shown?: NonNullable<Standing["shown"]>;
  readonly mail?: readonly (readonly [message: Partial<Message>, batch?: Partial<Batch>])[];
  readonly waits: readonly object[];
}

const gate: Gate = {
  kind: "permission",
  requestId: "per_1",
  subject: "bash",
  detail: "rm -rf build",
  openedAt: NOON + 5,
};
const fault = { name: "APIError", message: "overloaded" };
const turn = { startedAt: NOON + 7, cause: "lead", reported: false } as const;
const written = { kind: "mail", to: "ada", from: ["lead"], count: 1, since: NOON + 1, underway: 0 };

const CASES: Readonly<Record<string, Case>> = {
  "nothing, where nobody works and nothing is left": { waits: [] },
  "the end of a turn": {
    ada: { status: "working", turn },
    waits: [{ kind: "turn", who: "ada", since: NOON + 7 }],
  },
  "the end of the lead's turn": {
    state: { lead: { ...runState().lead, turn } },
    waits: [{ kind: "turn", who: "lead", since: NOON + 7 }],
  },
  "a person's answer to a member": {
    ada: { status: "needs_approval", turn, gates: [gate] },
    waits: [{ kind: "approval", who: "ada", gate, since: NOON + 5 }],
  },
  "a person's answer to the lead": {
    state: { lead: { ...runState().lead, gates: [{ ...gate, kind: "question" }] } },
    waits: [{ kind: "approval", who: "lead", gate: { ...gate, kind: "question" }, since: NOON + 5 }],
  },
  "a word after a person's Esc, with the mail that it holds": {
    ada: { status: "interrupted", heldByPerson: true },
    mail: [[{}]],
    waits: [
      { kind: "stopped", who: "ada", since: NOON },
      { ...written, hold: "stopped_by_person" },
    ],
  },
  "a word to a lead that was stopped": {
    state: { lead: { ...runState().lead, heldByPerson: true } },
    waits: [{ kind: "stopped", who: "lead" }],
  },
  "the end of a back-off, with the error that led to it": {
    ada: { status: "interrupted", backoff: { failures: 2, until: NOW + 9 }, lastFault: fault },
    mail: [[{ from: "system" }]],
    waits: [
      { kind: "backoff", who: "ada", since: NOON, until: NOW + 9, failures: 2, fault },
      { ...written, from: ["system"], hold: "backoff" },
    ],
  },
  "anybody to wake a member that was given up": {
    ada: { status: "interrupted", reason: "APIError", backoff: { failures: 8, until: NOON } },
    waits: [{ kind: "interrupted", who: "ada", since: NOON, reason: "APIError" }],
  },
  "mail that is about to go out": { mail: [[{}]], waits: [written] },
  "mail that is on its way, also at the limit": {
    state: { spent: ["tokens"], limits: { ...runState().limits, maxTokens: 0 } },
    mail: [[{}, { phase: "stored" }], [{ from: "bo" }]],
    waits: [
      { kind: "budget", budget: "tokens", limit: "maxTokens", used: 0, allowed: 0 },
      { ...written, from: ["lead", "bo"], count: 2, underway: 1, hold: "budget" },
    ],
  },
  "the model's answer to mail that was posted": {
    mail: [[{}, { phase: "posted" }]],
    waits: [{ ...written, underway: 1 }],
  },
  "what the courier has found to hold a batch": {
    mail: [[{}, { held: { since: NOON, by: "undo_staged" } }]],
    waits: [{ ...written, hold: "undo_staged" }],
  },
  "the next attempt": {
    mail: [[{}, { attempts: 3, lastError: "no answer", dueAt: NOW + 5 }]],
    waits: [{ ...written, trouble: { attempts: 3, error: "no answer", nextAt: NOW + 5 } }],
  },
  "a slot, with who has them": {
    state: { limits: { ...runState().limits, maxParallelMembers: 1 } },
    ada: { status: "working", turn },
    mail: [[{ to: "bo" }]],
    waits: [
      { kind: "slot", who: ["bo"], since: NOON + 1, working: ["ada"] },
      { ...written, to: "bo", hold: "slot" },
      { kind: "turn", who: "ada", since: NOON + 7 },
    ],
  },
  "no slot by a member that works already": {
    state: { limits: { ...runState().limits, maxParallelMembers: 1 } },
    ada: { status: "working", turn },
    mail: [[{}]],
    waits: [written, { kind: "turn", who: "ada", since: NOON + 7 }],
  },
  "more turns for one member": {
    state: { spent: ["turns:ada"], limits: { ...runState().limits, maxMemberTurns: 4 } },
    ada: { usage: { turns: 4, tokens: 0, cost: 0 } },
    waits: [{ kind: "budget", budget: "turns", member: "ada", limit: "maxMemberTurns", used: 4, allowed: 4 }],
  },
  "an answer to a request to shut down": {
    ada: { shutdown: { status: "requested", requestedBy: "lead", reason: "done", changedAt: NOON + 2 } },
    waits: [
      { kind: "shutdown", who: "ada", status: "requested", since: NOON + 2, by: "lead", reason: "done" },
    ],
  },
  "nothing more of a shutdown that is complete": {
    ada: { status: "done", shutdown: { status: "complete", changedAt: NOON } },
    waits: [],
  },
  "a session that is being made": {
    ada: { status: "starting" },
    waits: [{ kind: "starting", who: "ada", since: NOON }],
  },
  "a new member of a name whose mail nobody reads": {
    ada: { status: "lost", reason: "its session was deleted" },
    bo: { status: "lost" },
    mail: [[{}]],
    waits: [
      { kind: "ended", who: "ada", status: "lost", since: NOON, reason: "its session was deleted" },
      { ...written, hold: "ended" },
    ],
  },
  "a word to one of two that go in circles": {
    state: { volleys: { "ada bo": { last: "ada", count: VOLLEY_MAX }, "bo cy": { last: "bo", count: 1 } } },
    waits: [{ kind: "circles", who: ["ada", "bo"], count: VOLLEY_MAX }],
  },
  "the tasks at the ends of their chains": {
    ada: { status: "working", turn, tasks: [1] },
    tasks: [
      task(1, { status: "in_progress", owner: "ada", changedAt: NOON + 3 }),
      task(2, { status: "completed" }),
      task(3, { blockedBy: [1, 2] }),
      task(4, { blockedBy: [3, 9] }),
      task(5, { blockedBy: [2] }),
    ],
    waits: [
      { kind: "task", taskId: 1, blocks: [3, 4], status: "in_progress", owner: "ada", since: NOON + 3 },
      { kind: "task", taskId: 9, blocks: [4] },
      { kind: "turn", who: "ada", since: NOON + 7 },
    ],
  },
  "anybody, where there is work and nobody does it": {
    state: { quietTold: { tasks: "1:pending:", to: "lead" } },
    tasks: [task(1)],
    waits: [{ kind: "quiet", open: [1], told: "lead" }],
  },
  "a provider that has failed, and a hold that only the owner knows of": {
    ada: { status: "working", turn },
    mail: [[{ to: "bo" }]],
    shown: {
      lead: participantSurvey("lead"),
      members: [
        participantSurvey("ada", { retry: { attempt: 3, nextAt: NOW + 4 } }),
        participantSurvey("bo", { hold: "rate" }),
      ],
    },
    waits: [
      { ...written, to: "bo", hold: "rate" },
      { kind: "retry", who: "ada", attempt: 3, nextAt: NOW + 4 },
      { kind: "turn", who: "ada", since: NOON + 7 },
    ],
  },
  "the end of a run": {
    state: { status: "closing" },
    waits: [{ kind: "run", status: "closing", since: NOON }],
  },
  "a process, and only what will still be so when there is one": {
    owner: "dead",
    state: { spent: ["messages"], limits: { ...runState().limits, maxMessages: 0 } },
    ada: { status: "needs_approval", gates: [gate], turn },
    bo: { status: "starting" },
    mail: [[{}]],
    waits: [
      { kind: "owner", owner: "dead" },
      { kind: "budget", budget: "messages", limit: "maxMessages", used: 0, allowed: 0 },
      { ...written, hold: "owner" },
    ],
  },
  "OpenCode to be started again": {
    owner: "none",
    state: { status: "orphaned" },
    waits: [{ kind: "owner", owner: "none", since: NOON }],
  },
};

describe("a run waits for", () => {
  for (const [
    title,
    { state, ada, bo, owner = "alive", tasks = [], mail = [], shown, waits },
  ] of Object.entries(CASES)) {
    test(title, () => {
      const standing: Standing = {
        state: runState({ members: { ada: member("ada", ada), bo: member("bo", bo) }, ...state }),
        owner,
        tasks,
        ...(shown && { shown }),
        mail: mail.map(([parts, travels], index) => ({
          message: message(index + 1, parts),
          ...(travels && { batch: batch([`mail_${index + 1}`], travels) }),
        })),
      };
      expect(waitsOf(standing, NOW)).toEqual(waits as never);
    });
  }
});
