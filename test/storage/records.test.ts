import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Effect } from "../../src/core/effects.ts";
import { holdOf } from "../../src/core/policy.ts";
import { isLive, type Member, type RunState } from "../../src/core/run.ts";
import { parseBatch } from "../../src/records/batch.ts";
import { parseMessage } from "../../src/records/message.ts";
import { formatRecord } from "../../src/records/record.ts";
import { formatRun, parseRun } from "../../src/records/run.ts";
import type { Reading } from "../../src/records/shape.ts";
import { parseTask } from "../../src/records/task.ts";
import { batch, line, member, message, NOON, runState, task } from "../contract/samples.ts";

/** Everything that a record can hold, of every type. */
const EFFECTS: readonly Effect[] = [
  { effectId: "run_1/2/0", type: "put_message", message: message(1) },
  { effectId: "run_1/2/1", type: "write_task", task: task(1) },
  { effectId: "run_1/2/2", type: "append_journal", entry: line(2) },
  { effectId: "run_1/2/3", type: "open_session", member: "ada", generation: 1 },
  { effectId: "run_1/2/4", type: "abort_session", sessionId: "ses_1", directory: "/x" },
  {
    effectId: "run_1/2/5",
    type: "add_rules",
    sessionId: "ses_1",
    rules: [{ permission: "team_*", pattern: "*", action: "allow" }],
  },
  { effectId: "run_1/2/6", type: "show_toast", directory: "/x", level: "warning", text: "mind" },
  { effectId: "run_1/2/7", type: "archive_run" },
  { effectId: "run_1/2/8", type: "remove_worktree", member: "ada" },
];

const FULL_RUN = runState({
  label: "first",
  reason: "why",
  outbox: EFFECTS,
  spent: ["tokens"],
  notices: 2,
  quietTold: { tasks: "1:pending:", to: "ada" },
  volleys: { "ada bo": { last: "ada", count: 3 } },
  lead: {
    ...runState().lead,
    turn: { startedAt: NOON, cause: "foreign", reported: true },
    gates: [
      {
        kind: "question",
        requestId: "que_1",
        subject: "Which?",
        detail: "a or b",
        openedAt: NOON,
        call: { hostMessageId: "msg_1", callId: "call_1" },
      },
    ],
    turns: 2,
    countedTo: NOON,
  },
  members: {
    ada: member("ada", {
      status: "interrupted",
      reason: "error",
      backoff: { failures: 2, until: NOON },
      countedTo: NOON,
      lastFault: { name: "APIError", message: "529", statusCode: 529, retryable: true },
      tasks: [1, 2],
      worktree: {
        repository: "/x/.git",
        path: "/y",
        branch: "team/x/ada",
        base: "c0ffee",
        baseBranch: "main",
        mark: "flotilla: run_1 ada",
        made: true,
        end: { outcome: "kept", reason: "uncommitted: a", wayOut: "git status" },
      },
      shutdown: { status: "requested", requestedBy: "lead", reason: "done", changedAt: NOON },
    }),
  },
});

const RECORDS: readonly (readonly [string, object, (text: string) => Reading<object>])[] = [
  ["a run", FULL_RUN, parseRun],
  [
    "a message",
    message(1, { summary: "s", references: [{ path: "a", description: "b" }], correlationId: "c" }),
    parseMessage,
  ],
  ["a task", task(1, { owner: "ada", result: { text: "t", artifacts: ["a"] }, blockedBy: [2] }), parseTask],
  ["a batch", batch(["mail_1"], { held: { since: NOON, by: "slot" }, lastError: "no" }), parseBatch],
];

describe("a round trip", () => {
  for (const [name, record, parse] of RECORDS) {
    test(`of ${name} keeps everything`, () => {
      expect(value(parse(formatRecord(record)))).toEqual(record);
    });

    test(`of ${name} keeps fields at every depth that this version does not know`, () => {
      const strange = strewn(record);
      const again: unknown = JSON.parse(formatRecord(value(parse(JSON.stringify(strange)))));
      expect(again).toEqual(strange);
    });

    test(`of ${name} refuses one that lacks any field it must have, naming the field`, () => {
      for (const field of Object.keys(parsedMinimum(record, parse))) {
        const { [field]: _gone, ...rest } = record as Record<string, unknown>;
        expect(parse(JSON.stringify(rest))).toMatchObject({
          ok: false,
          fault: expect.stringContaining(field),
        });
      }
    });
  }
});

describe("words of a newer version", () => {
  const read = (state: unknown): RunState => value(parseRun(JSON.stringify(state)));
  const withAda = (parts: object): object => ({
    ...runState(),
    members: { ada: { ...member("ada"), ...parts } },
  });
  const stored = (state: RunState): { members: Record<string, unknown>; outbox: unknown[] } =>
    JSON.parse(formatRun(state)) as never;

  test("a member's status reads as lost with the reason, takes no mail, and is written back", () => {
    const before = withAda({ status: "hibernating", reason: "cold" });
    const state = read(before);
    const ada = state.members["ada"] as Member;
    expect(ada).toMatchObject({ status: "lost", reason: "unknown:hibernating" });
    expect(isLive(ada)).toBe(false);
    expect(holdOf(state, "ada", true, 4, NOON)).toBe("ended");
    const next = { ...state, revision: 2, members: { ...state.members, bo: member("bo") } };
    expect(stored(next).members["ada"]).toEqual({
      ...member("ada"),
      status: "hibernating",
      reason: "cold",
    });
  });

  test("a member's status without a reason is written back without one", () => {
    const state = read(withAda({ status: "hibernating" }));
    expect(stored(state).members["ada"]).toEqual({ ...member("ada"), status: "hibernating" } as never);
  });

  test("a member that a decision has moved since is written as it was decided", () => {
    const state = read(withAda({ status: "hibernating" }));
    const ada = { ...(state.members["ada"] as Member), status: "done", reason: "retired" } as const;
    expect(stored({ ...state, members: { ada } }).members["ada"]).toMatchObject({
      status: "done",
      reason: "retired",
    });
  });

  test("a status of a shutdown makes the member lost too, and is written back", () => {
    const before = withAda({ shutdown: { status: "postponed", changedAt: NOON } });
    const state = read(before);
    expect(state.members["ada"]).toMatchObject({ status: "lost", reason: "unknown:postponed" });
    expect(stored(state)).toEqual(before as never);
  });

  test("an effect is out of sight and back in the outbox, whatever happens to the others", () => {
    const foreign = { effectId: "run_1/2/9", type: "paint_pane", colour: "red" };
    const state = read({ ...runState(), outbox: [foreign, ...EFFECTS] });
    expect(state.outbox).toEqual(EFFECTS);
    expect(stored({ ...state, outbox: EFFECTS.slice(0, 1) }).outbox).toEqual([EFFECTS[0], foreign]);
  });

  test("a status of a run leaves the run to the version that knows it", () => {
    expect(parseRun(JSON.stringify({ ...runState(), status: "paused" }))).toMatchObject({
      ok: false,
      fault: expect.stringContaining("status"),
    });
  });

  test("a kind of a message is kept and delivered", () => {
    const text = JSON.stringify({ ...message(1), kind: "postcard" });
    expect(JSON.parse(formatRecord(value(parseMessage(text))))).toEqual(JSON.parse(text));
  });

  test("a status of a task reads as in progress, and is written back unless it was decided", () => {
    const text = JSON.stringify(task(1));
    const read = value(parseTask(JSON.stringify({ ...task(1), status: "reviewing" })));
    expect(read.status).toBe("in_progress");
    expect(JSON.parse(formatRecord({ ...read, subject: "new" }))).toMatchObject({ status: "reviewing" });
    expect(JSON.parse(formatRecord({ ...read, status: "pending" }))).toEqual(JSON.parse(text));
  });

  test("a phase of a batch reads as posted, so that the host is asked", () => {
    const read = value(parseBatch(JSON.stringify({ ...batch(["mail_1"]), phase: "queued_remotely" })));
    expect(read.phase).toBe("posted");
    expect(JSON.parse(formatRecord(read))).toMatchObject({ phase: "queued_remotely" });
  });
});

describe("a fault", () => {
  test("deep in an effect is told with its place", () => {
    const outbox = [EFFECTS[2], { ...EFFECTS[0], message: { ...message(1), seq: "first" } }];
    expect(parseRun(JSON.stringify({ ...runState(), outbox }))).toMatchObject({
      ok: false,
      fault: expect.stringContaining("outbox.1.message.seq: "),
    });
  });

  test("is a member under a name that no member can have", () => {
    const text = JSON.stringify(runState()).replace('"bo":{', '"Bo":{');
    expect(parseRun(text)).toMatchObject({ ok: false, fault: expect.stringContaining("members") });
  });

  test("never reaches a prototype", () => {
    const text = JSON.stringify(runState()).replace('"bo":{', '"__proto__":{');
    const reading = parseRun(text);
    expect(reading.ok && Object.keys(reading.value.members)).toEqual(["ada"]);
    expect(reading.ok && Object.getPrototypeOf(reading.value.members)).toBe(Object.prototype);
  });

  for (const version of [0, 2, "1", null]) {
    test(`is version ${JSON.stringify(version)}`, () => {
      const text = JSON.stringify({ ...message(1), version });
      expect(parseMessage(text)).toMatchObject({ ok: false, fault: expect.stringContaining("version: ") });
    });
  }
});

describe("records as version 1 wrote them", () => {
  const folder = join(import.meta.dir, "fixtures", "v1");
  const PARSERS: Readonly<Record<string, (text: string) => Reading<object>>> = {
    "batch.json": parseBatch,
    "message.json": parseMessage,
    "state.json": parseRun,
    "task.json": parseTask,
  };

  test("are all here", () => {
    expect(readdirSync(folder).toSorted()).toEqual(Object.keys(PARSERS));
  });

  for (const [name, parse] of Object.entries(PARSERS)) {
    test(`${name} is read, and nothing of it is lost when it is written`, () => {
      const text = readFileSync(join(folder, name), "utf8");
      expect(JSON.parse(formatRecord(value(parse(text))))).toEqual(JSON.parse(text));
    });
  }
});

function value<T>(reading: Reading<T>): T {
  if (reading.ok) return reading.value;
  throw new Error(reading.fault);
}

/** The fields without which the record is refused. */
function parsedMinimum(record: object, parse: (text: string) => Reading<object>): object {
  const optional = new Set([
    "label",
    "notices",
    "taskCounts",
    "quietTold",
    "volleys",
    "reason",
    "summary",
    "references",
    "correlationId",
    "owner",
    "result",
    "held",
    "lastError",
  ]);
  expect(parse(formatRecord(Object.fromEntries(entriesBut(record, optional))))).toMatchObject({ ok: true });
  return Object.fromEntries(entriesBut(record, optional));
}

function entriesBut(record: object, without: ReadonlySet<string>): [string, unknown][] {
  return Object.entries(record).filter(([field]) => !without.has(field));
}

/** A copy with an unknown field in every object but maps by name. */
function strewn(value: unknown, isMap = false): unknown {
  if (Array.isArray(value)) return value.map((one) => strewn(one));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([key, field]) => [
    key,
    strewn(field, key === "members" || key === "volleys"),
  ]);
  return { ...Object.fromEntries(fields), ...(isMap ? {} : { fromTheFuture: { deep: [1] } }) };
}
