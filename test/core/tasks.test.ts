import { describe, expect, test } from "bun:test";
import type { TaskChange, TaskDraft } from "../../src/core/commands.ts";
import {
  decideTaskCreate,
  decideTaskUpdate,
  releaseTasks,
  type TaskChanges,
  type TaskUpdate,
} from "../../src/core/decide-task.ts";
import type { TaskId } from "../../src/core/ids.ts";
import type { RefusalCode } from "../../src/core/refusal.ts";
import { TASK_STATUSES, type Task, type TaskStatus } from "../../src/core/task.ts";
import {
  ARTIFACTS_MAX,
  DRAFTS_MAX,
  OWNED_MAX,
  PATH_MAX_CHARS,
  SUBJECT_MAX_CHARS,
  TEXT_MAX_CHARS,
} from "../../src/core/task-checks.ts";
import {
  BLOCKERS_MAX,
  DEPENDENTS_MAX,
  isReady,
  openBlockers,
  taskLookups,
  waitingPath,
} from "../../src/core/task-graph.ts";

const LIVE = ["lead", "ada", "bo"];

function task(taskId: TaskId, parts: Partial<Task> = {}): Task {
  return {
    version: 1,
    taskId,
    subject: `task ${taskId}`,
    description: "",
    status: "pending",
    createdBy: "lead",
    blockedBy: [],
    unblocks: [],
    generation: 0,
    createdAt: 1,
    changedAt: 1,
    revision: 1,
    ...parts,
  };
}

/** The list of a run, with the links between tasks put in both ways. */
class List {
  readonly tasks = new Map<TaskId, Task>();
  /** Tasks that somebody has besides those of this list. */
  owned: Readonly<Record<string, number>> = {};
  private revision = 1;

  constructor(...tasks: readonly Task[]) {
    for (const one of tasks) this.tasks.set(one.taskId, one);
    for (const one of tasks) for (const blocker of one.blockedBy) this.link(blocker, one.taskId);
  }

  private link(blocker: TaskId, dependent: TaskId): void {
    const found = this.tasks.get(blocker);
    if (!found || found.unblocks.includes(dependent)) return;
    this.tasks.set(blocker, { ...found, unblocks: [...found.unblocks, dependent] });
  }

  at(taskId: TaskId): Task {
    return this.tasks.get(taskId) as Task;
  }

  update(by: string, taskId: TaskId, change: TaskChange): TaskUpdate {
    this.revision += 1;
    const context = { by, live: LIVE, owned: this.owned, now: this.revision * 10, revision: this.revision };
    const decision = decideTaskUpdate(this.tasks, taskId, change, context);
    if (decision.kind === "accepted") this.write(decision);
    return decision;
  }

  create(by: string, ...drafts: readonly Partial<TaskDraft>[]): ReturnType<typeof decideTaskCreate> {
    this.revision += 1;
    const whole = drafts.map((draft) => ({
      subject: "s",
      description: "",
      blockedBy: [],
      blockedByDraft: [],
      ...draft,
    }));
    const decision = decideTaskCreate(this.tasks, whole, {
      by,
      live: LIVE,
      owned: this.owned,
      now: this.revision * 10,
      revision: this.revision,
      nextTaskId: this.tasks.size + 1,
    });
    if (decision.kind === "accepted") this.write(decision);
    return decision;
  }

  private write(changes: TaskChanges): void {
    for (const one of changes.tasks) {
      expect(one.revision).toBe(this.revision);
      this.tasks.set(one.taskId, one);
    }
  }
}

function codeOf(decision: TaskUpdate | ReturnType<typeof decideTaskCreate>): string {
  return decision.kind === "refused" ? decision.refusal.code : decision.kind;
}

function messageOf(decision: TaskUpdate | ReturnType<typeof decideTaskCreate>): string {
  return decision.kind === "refused"
    ? `${decision.refusal.message} | ${decision.refusal.hint}`
    : decision.kind;
}

function accepted(decision: TaskUpdate): Extract<TaskUpdate, { kind: "accepted" }> {
  if (decision.kind !== "accepted") throw new Error(messageOf(decision));
  return decision;
}

function eventsOf(changes: TaskChanges): string[] {
  return changes.events.map((line) => String(line.event));
}

const owned = (status: TaskStatus, owner?: string): Task =>
  task(1, {
    status,
    createdBy: "bo",
    generation: status === "pending" ? 0 : 1,
    ...(owner === undefined ? {} : { owner }),
  });

/**
 * Who may do what to a task in which state, as one table. Each row is a task, each column somebody who sets a status; the
 * cell says what comes of it, a refusal by its code. The task was created by bo.
 */
const GOLDEN: readonly [string, Task, readonly (readonly [string, string, string])[]][] = [
  [
    "pending, nobody's",
    owned("pending"),
    [
      ["ada", "pending", "unchanged"],
      ["ada", "claimed", "accepted"],
      ["ada", "in_progress", "accepted"],
      ["ada", "completed", "task_not_owner"],
      ["ada", "deleted", "not_allowed"],
      ["bo", "deleted", "accepted"],
      ["lead", "pending", "unchanged"],
      ["lead", "claimed", "accepted"],
      ["lead", "in_progress", "accepted"],
      ["lead", "completed", "task_transition"],
      ["lead", "deleted", "accepted"],
    ],
  ],
  [
    "pending, assigned to ada",
    owned("pending", "ada"),
    [
      ["ada", "pending", "unchanged"],
      ["ada", "claimed", "accepted"],
      ["ada", "in_progress", "accepted"],
      ["ada", "completed", "task_transition"],
      ["ada", "deleted", "not_allowed"],
      ["bo", "claimed", "task_taken"],
      ["bo", "in_progress", "task_taken"],
      ["bo", "completed", "task_not_owner"],
      ["bo", "deleted", "accepted"],
      ["lead", "pending", "unchanged"],
      ["lead", "claimed", "task_taken"],
      ["lead", "in_progress", "task_taken"],
      ["lead", "completed", "task_transition"],
      ["lead", "deleted", "accepted"],
    ],
  ],
  [
    "claimed by ada",
    owned("claimed", "ada"),
    [
      ["ada", "pending", "accepted"],
      ["ada", "claimed", "unchanged"],
      ["ada", "in_progress", "accepted"],
      ["ada", "completed", "accepted"],
      ["ada", "deleted", "not_allowed"],
      ["bo", "pending", "task_not_owner"],
      ["bo", "claimed", "task_taken"],
      ["bo", "in_progress", "task_taken"],
      ["bo", "completed", "task_not_owner"],
      ["bo", "deleted", "not_allowed"],
      ["lead", "pending", "accepted"],
      ["lead", "claimed", "task_taken"],
      ["lead", "in_progress", "task_taken"],
      ["lead", "completed", "accepted"],
      ["lead", "deleted", "accepted"],
    ],
  ],
  [
    "in progress with ada",
    owned("in_progress", "ada"),
    [
      ["ada", "pending", "accepted"],
      ["ada", "claimed", "task_transition"],
      ["ada", "in_progress", "unchanged"],
      ["ada", "completed", "accepted"],
      ["ada", "deleted", "not_allowed"],
      ["bo", "pending", "task_not_owner"],
      ["bo", "claimed", "task_taken"],
      ["bo", "in_progress", "task_taken"],
      ["bo", "completed", "task_not_owner"],
      ["bo", "deleted", "not_allowed"],
      ["lead", "pending", "accepted"],
      ["lead", "in_progress", "task_taken"],
      ["lead", "completed", "accepted"],
      ["lead", "deleted", "accepted"],
    ],
  ],
  [
    "completed by ada",
    owned("completed", "ada"),
    [
      ["ada", "pending", "task_transition"],
      ["ada", "claimed", "task_transition"],
      ["ada", "in_progress", "task_transition"],
      ["ada", "completed", "unchanged"],
      ["ada", "deleted", "not_allowed"],
      ["bo", "pending", "task_not_owner"],
      ["bo", "claimed", "task_transition"],
      ["bo", "completed", "task_not_owner"],
      ["bo", "deleted", "not_allowed"],
      ["lead", "pending", "task_transition"],
      ["lead", "in_progress", "task_transition"],
      ["lead", "completed", "unchanged"],
      ["lead", "deleted", "accepted"],
    ],
  ],
  [
    "deleted",
    owned("deleted", "ada"),
    [
      ["ada", "pending", "task_transition"],
      ["ada", "claimed", "task_transition"],
      ["ada", "in_progress", "task_transition"],
      ["ada", "completed", "task_transition"],
      ["ada", "deleted", "unchanged"],
      ["bo", "completed", "task_transition"],
      ["lead", "pending", "task_transition"],
      ["lead", "deleted", "unchanged"],
    ],
  ],
];

describe("a change of status", () => {
  for (const [name, subject, cells] of GOLDEN) {
    test(`of a task that is ${name} is for whom the table says`, () => {
      const found = cells.map(([by, status]) => [
        by,
        status,
        codeOf(new List(subject).update(by, 1, { status: status as TaskStatus })),
      ]);
      expect(found).toEqual(cells.map((cell) => [...cell]));
    });
  }

  test("has an outcome for everybody and every status of a task in every state", () => {
    for (const [, subject] of GOLDEN) {
      for (const by of LIVE) {
        for (const status of TASK_STATUSES) {
          const list = new List(subject);
          const decision = list.update(by, 1, { status });
          if (decision.kind === "accepted") expect(decision.task.status).toBe(status);
          else expect(list.at(1)).toBe(subject);
        }
      }
    }
  });
});

describe("claiming", () => {
  test("makes the caller the owner and numbers the claim", () => {
    const list = new List(task(1));
    const decision = accepted(list.update("ada", 1, { status: "claimed" }));
    expect(decision.task).toMatchObject({
      status: "claimed",
      owner: "ada",
      generation: 1,
      changedAt: 20,
      revision: 2,
    });
    expect(decision.events).toEqual([{ event: "task_claimed", taskId: 1, by: "ada", generation: 1 }]);
    expect(decision.ownerChanges).toEqual([{ participant: "ada", taskId: 1, change: "gained" }]);
  });

  test("and starting are one step with in_progress", () => {
    const list = new List(task(1));
    const decision = accepted(list.update("ada", 1, { status: "in_progress" }));
    expect(decision.task).toMatchObject({ status: "in_progress", owner: "ada", generation: 1 });
    expect(eventsOf(decision)).toEqual(["task_claimed", "task_started"]);
  });

  test("and then starting is one claim", () => {
    const list = new List(task(1));
    list.update("ada", 1, { status: "claimed" });
    const decision = accepted(list.update("ada", 1, { status: "in_progress" }));
    expect(decision.task.generation).toBe(1);
    expect(eventsOf(decision)).toEqual(["task_started"]);
    expect(decision.ownerChanges).toEqual([]);
  });

  test("is won by one of several; the others are told who has it", () => {
    const list = new List(task(1));
    const outcomes = ["ada", "bo", "lead"].map((by) => list.update(by, 1, { status: "in_progress" }));
    expect(outcomes.map(codeOf)).toEqual(["accepted", "task_taken", "task_taken"]);
    expect(messageOf(outcomes[1] as TaskUpdate)).toContain("task 1 is in_progress by ada (claim 1)");
    expect(list.at(1).owner).toBe("ada");
  });

  test("waits until every blocker is completed or deleted", () => {
    const list = new List(task(1), task(2), task(3, { blockedBy: [1, 2] }));
    const first = list.update("ada", 3, { status: "claimed" });
    expect(codeOf(first)).toBe("task_not_ready");
    expect(messageOf(first)).toContain("task 3 waits for 1 (pending), 2 (pending)");
    list.update("bo", 1, { status: "in_progress" });
    list.update("bo", 1, { status: "completed" });
    expect(messageOf(list.update("ada", 3, { status: "in_progress" }))).toContain(
      "task 3 waits for 2 (pending) |",
    );
    list.update("lead", 2, { status: "deleted" });
    expect(codeOf(list.update("ada", 3, { status: "in_progress" }))).toBe("accepted");
  });

  test("is refused with each blocker once, even where a record names one twice", () => {
    const list = new List(task(1), task(2, { blockedBy: [1, 1] }));
    const refused = list.update("ada", 2, { status: "claimed" });
    expect(messageOf(refused)).toContain("task 2 waits for 1 (pending) |");
    expect(refused).toMatchObject({ refusal: { details: { blockers: [1] } } });
  });

  test("waits for a blocker whose record cannot be read, until the lead takes it out", () => {
    const list = new List(task(2, { blockedBy: [1] }));
    expect(messageOf(list.update("ada", 2, { status: "claimed" }))).toContain("1 (unreadable)");
    expect(accepted(list.update("lead", 2, { blockedBy: [] })).becameReady).toHaveLength(1);
    expect(codeOf(list.update("ada", 2, { status: "claimed" }))).toBe("accepted");
  });

  test("names only the first of very many blockers in its sentence, and all of them in the details", () => {
    const blockers = Array.from({ length: 500 }, (_, at) => at + 2);
    const list = new List(task(1, { blockedBy: blockers }), ...blockers.map((id) => task(id)));
    const refused = list.update("ada", 1, { status: "claimed" });
    expect(messageOf(refused)).toContain("9 (pending) and 492 more");
    expect(refused).toMatchObject({ refusal: { details: { blockers } } });
  });
});

describe("a former owner", () => {
  function reassigned(): List {
    const list = new List(task(1));
    list.update("ada", 1, { status: "in_progress" });
    list.update("lead", 1, { status: "pending" });
    list.update("bo", 1, { status: "in_progress" });
    return list;
  }

  test("cannot complete, release or edit what somebody else has claimed since", () => {
    for (const change of [{ status: "completed" }, { status: "pending" }, { subject: "mine" }] as const) {
      const decision = reassigned().update("ada", 1, change);
      expect(codeOf(decision)).toBe("task_not_owner");
      expect(messageOf(decision)).toContain("it is in_progress by bo (claim 2)");
      expect(decision).toMatchObject({ refusal: { details: { owner: "bo", generation: 2 } } });
    }
  });

  test("cannot complete what went back to the list, and is told how to take it again", () => {
    const list = new List(task(1));
    list.update("ada", 1, { status: "in_progress" });
    list.update("lead", 1, { status: "pending" });
    const decision = list.update("ada", 1, { status: "completed", result: { text: "late", artifacts: [] } });
    expect(messageOf(decision)).toContain("it is nobody's since claim 1 was given back | Claim it first");
    expect(list.at(1).result).toBeUndefined();
  });

  test("cannot overwrite the result of the one who completed it", () => {
    const list = reassigned();
    list.update("bo", 1, { status: "completed", result: { text: "bo's", artifacts: [] } });
    expect(
      codeOf(list.update("ada", 1, { status: "completed", result: { text: "ada's", artifacts: [] } })),
    ).toBe("task_not_owner");
    expect(list.at(1).result?.text).toBe("bo's");
  });
});

describe("completing", () => {
  test("carries a result and tells which tasks became ready, with their owners", () => {
    const list = new List(
      task(1, { status: "in_progress", owner: "ada", generation: 1 }),
      task(2),
      task(3, { blockedBy: [1], owner: "bo" }),
      task(4, { blockedBy: [1, 2] }),
      task(5, { blockedBy: [1], status: "deleted" }),
      task(6, { blockedBy: [1] }),
    );
    const result = { text: "done", artifacts: ["out/a.txt"] };
    const decision = accepted(list.update("ada", 1, { status: "completed", result }));
    expect(decision.task).toMatchObject({ status: "completed", owner: "ada", result });
    expect(decision.becameReady.map((one) => [one.taskId, one.owner])).toEqual([
      [3, "bo"],
      [6, undefined],
    ]);
    expect(eventsOf(decision)).toEqual(["task_completed", "task_edited", "task_ready", "task_ready"]);
    expect(decision.ownerChanges).toEqual([{ participant: "ada", taskId: 1, change: "lost" }]);
    expect(decision.tasks.map((one) => one.taskId)).toEqual([1]);
  });

  test("again is nothing, and with a better result replaces it without telling anybody twice", () => {
    const list = new List(
      task(1, { status: "claimed", owner: "ada", generation: 1 }),
      task(2, { blockedBy: [1] }),
    );
    const change = { status: "completed", result: { text: "first", artifacts: ["a"] } } as const;
    expect(accepted(list.update("ada", 1, change)).becameReady).toHaveLength(1);
    expect(codeOf(list.update("ada", 1, { ...change, result: { text: "first", artifacts: ["a"] } }))).toBe(
      "unchanged",
    );
    const better = accepted(list.update("ada", 1, { ...change, result: { text: "second", artifacts: [] } }));
    expect(better.task.result?.text).toBe("second");
    expect(better.becameReady).toEqual([]);
    expect(eventsOf(better)).toEqual(["task_edited"]);
  });

  test("is the only status that takes a result", () => {
    const result = { text: "x", artifacts: [] };
    const list = new List(task(1, { status: "in_progress", owner: "ada", generation: 1 }));
    expect(codeOf(list.update("ada", 1, { result }))).toBe("argument_invalid");
    expect(codeOf(list.update("ada", 1, { status: "pending", result }))).toBe("argument_invalid");
    expect(list.at(1).status).toBe("in_progress");
  });
});

describe("deleting", () => {
  test("a blocker frees those that waited for it", () => {
    const list = new List(task(1), task(2, { blockedBy: [1] }), task(3, { blockedBy: [2] }));
    const decision = accepted(list.update("lead", 1, { status: "deleted" }));
    expect(decision.becameReady.map((one) => one.taskId)).toEqual([2]);
    expect(eventsOf(decision)).toEqual(["task_deleted", "task_ready"]);
  });

  test("what somebody works on takes it from them", () => {
    const list = new List(task(1, { status: "in_progress", owner: "ada", generation: 1 }));
    expect(accepted(list.update("lead", 1, { status: "deleted" })).ownerChanges).toEqual([
      { participant: "ada", taskId: 1, change: "lost" },
    ]);
  });

  test("leaves nothing to edit", () => {
    const list = new List(task(1, { status: "deleted" }));
    expect(codeOf(list.update("lead", 1, { subject: "again" }))).toBe("task_transition");
    expect(codeOf(list.update("lead", 1, { owner: "ada" }))).toBe("task_transition");
    expect(list.at(1).status).toBe("deleted");
  });

  test("is refused to a creator once somebody has claimed the task, and to others always", () => {
    const list = new List(task(1, { createdBy: "bo", status: "claimed", owner: "ada", generation: 1 }));
    expect(messageOf(list.update("bo", 1, { status: "deleted" }))).toContain(
      "bo may not delete task 1: it is claimed",
    );
    expect(messageOf(list.update("ada", 1, { status: "deleted" }))).toContain("it was created by bo");
  });
});

describe("assigning", () => {
  test("is the lead's alone", () => {
    const list = new List(task(1));
    expect(codeOf(list.update("ada", 1, { owner: "ada" }))).toBe("task_field_reserved");
    expect(codeOf(list.update("ada", 1, { status: "claimed", owner: "ada" }))).toBe("task_field_reserved");
    expect(codeOf(list.create("ada", { owner: "bo" }))).toBe("task_field_reserved");
    expect(codeOf(list.update("lead", 1, { owner: "ada" }))).toBe("accepted");
  });

  test("a pending task reserves it for one", () => {
    const list = new List(task(1));
    const decision = accepted(list.update("lead", 1, { owner: "ada" }));
    expect(decision.task).toMatchObject({ status: "pending", owner: "ada", generation: 0 });
    expect(eventsOf(decision)).toEqual(["task_assigned"]);
    expect(decision.ownerChanges).toEqual([{ participant: "ada", taskId: 1, change: "gained" }]);
    expect(codeOf(list.update("lead", 1, { owner: "ada" }))).toBe("unchanged");
    expect(messageOf(list.update("bo", 1, { status: "claimed" }))).toContain("task 1 is assigned to ada");
    expect(accepted(list.update("ada", 1, { status: "claimed" })).ownerChanges).toEqual([]);
  });

  test("a claimed task to another puts it back to pending and ends the claim", () => {
    const list = new List(task(1));
    list.update("ada", 1, { status: "in_progress" });
    const decision = accepted(list.update("lead", 1, { owner: "bo" }));
    expect(decision.task).toMatchObject({ status: "pending", owner: "bo", generation: 1 });
    expect(eventsOf(decision)).toEqual(["task_assigned"]);
    expect(decision.ownerChanges).toEqual([
      { participant: "ada", taskId: 1, change: "lost" },
      { participant: "bo", taskId: 1, change: "gained" },
    ]);
    expect(codeOf(list.update("ada", 1, { status: "completed" }))).toBe("task_not_owner");
    expect(accepted(list.update("bo", 1, { status: "in_progress" })).task.generation).toBe(2);
  });

  test("to the one who has it changes nothing, unless the lead gives it back to them as pending", () => {
    const list = new List(task(1));
    list.update("ada", 1, { status: "in_progress" });
    expect(codeOf(list.update("lead", 1, { owner: "ada" }))).toBe("unchanged");
    const decision = accepted(list.update("lead", 1, { owner: "ada", status: "pending" }));
    expect(decision.task).toMatchObject({ status: "pending", owner: "ada" });
    expect(decision.ownerChanges).toEqual([]);
  });

  test("to itself lets the lead take over in one call", () => {
    const list = new List(task(1));
    list.update("ada", 1, { status: "in_progress" });
    const decision = accepted(list.update("lead", 1, { owner: "lead", status: "in_progress" }));
    expect(decision.task).toMatchObject({ status: "in_progress", owner: "lead", generation: 2 });
    expect(codeOf(list.update("ada", 1, { status: "completed" }))).toBe("task_not_owner");
  });

  test("does not claim, complete or delete on somebody's behalf", () => {
    const list = new List(task(1));
    for (const status of ["claimed", "in_progress", "completed", "deleted"] as const) {
      expect(codeOf(list.update("lead", 1, { owner: "ada", status }))).toBe("argument_invalid");
    }
    expect(list.at(1)).toEqual(task(1));
  });

  test("takes a live participant", () => {
    const decision = new List(task(1)).update("lead", 1, { owner: "cy" });
    expect(codeOf(decision)).toBe("member_unknown");
    expect(messageOf(decision)).toContain('"cy" is no live participant; live are lead, ada, bo');
  });

  test("does not reopen what is completed", () => {
    const list = new List(task(1, { status: "completed", owner: "ada", generation: 1 }));
    expect(codeOf(list.update("lead", 1, { owner: "bo" }))).toBe("task_transition");
  });
});

describe("editing", () => {
  test("is for the owner and the lead, and for whoever takes the task in the same call", () => {
    const list = new List(task(1, { createdBy: "bo" }));
    expect(codeOf(list.update("bo", 1, { subject: "x" }))).toBe("task_not_owner");
    expect(codeOf(list.update("lead", 1, { subject: " x " }))).toBe("accepted");
    expect(list.at(1).subject).toBe("x");
    expect(accepted(list.update("ada", 1, { status: "claimed", description: "d" })).task).toMatchObject({
      owner: "ada",
      description: "d",
    });
    expect(codeOf(list.update("ada", 1, { description: "e" }))).toBe("accepted");
  });

  test("to the same is nothing, and writes nothing", () => {
    const list = new List(task(1), task(2, { blockedBy: [1] }));
    expect(codeOf(list.update("lead", 2, { subject: "task 2", description: "", blockedBy: [1, 1] }))).toBe(
      "unchanged",
    );
    expect(codeOf(list.update("lead", 2, {}))).toBe("unchanged");
    expect(list.at(2).revision).toBe(1);
  });

  test("keeps fields of the record that it does not know", () => {
    const list = new List({ ...task(1), later: "x" } as Task);
    expect(accepted(list.update("ada", 1, { status: "claimed" })).task).toMatchObject({ later: "x" });
  });

  test.each<[RefusalCode | "accepted", TaskChange]>([
    ["argument_invalid", { subject: "  " }],
    ["accepted", { subject: "x".repeat(SUBJECT_MAX_CHARS) }],
    ["argument_invalid", { subject: "x".repeat(SUBJECT_MAX_CHARS + 1) }],
    ["accepted", { description: "x".repeat(TEXT_MAX_CHARS) }],
    ["argument_invalid", { description: "x".repeat(TEXT_MAX_CHARS + 1) }],
    [
      "argument_invalid",
      { status: "completed", result: { text: "x".repeat(TEXT_MAX_CHARS + 1), artifacts: [] } },
    ],
    ["argument_invalid", { status: "completed", result: { text: "", artifacts: [" "] } }],
    [
      "argument_invalid",
      { status: "completed", result: { text: "", artifacts: ["x".repeat(PATH_MAX_CHARS + 1)] } },
    ],
    [
      "argument_invalid",
      {
        status: "completed",
        result: { text: "", artifacts: new Array<string>(ARTIFACTS_MAX + 1).fill("a") },
      },
    ],
    [
      "accepted",
      { status: "completed", result: { text: "", artifacts: new Array<string>(ARTIFACTS_MAX).fill("a") } },
    ],
  ])("within bounds is %s", (code, change) => {
    const list = new List(task(1, { status: "in_progress", owner: "ada", generation: 1 }));
    expect(codeOf(list.update("ada", 1, change))).toBe(code);
  });

  test("of what does not exist is refused", () => {
    expect(codeOf(new List().update("ada", 7, { status: "claimed" }))).toBe("task_unknown");
  });
});

describe("blockers", () => {
  test("are linked both ways when they come and when they go", () => {
    const list = new List(task(1), task(2), task(3));
    const added = accepted(list.update("lead", 3, { blockedBy: [1, 2] }));
    expect(added.tasks.map((one) => one.taskId).toSorted()).toEqual([1, 2, 3]);
    expect([list.at(1).unblocks, list.at(2).unblocks]).toEqual([[3], [3]]);
    const removed = accepted(list.update("lead", 3, { blockedBy: [2] }));
    expect(removed.tasks.map((one) => one.taskId)).toEqual([3, 1]);
    expect([list.at(1).unblocks, list.at(2).unblocks]).toEqual([[], [3]]);
    expect(list.at(1).changedAt).toBe(1);
  });

  test("taken away make the task ready", () => {
    const list = new List(task(1), task(2, { blockedBy: [1], owner: "ada" }));
    const decision = accepted(list.update("ada", 2, { blockedBy: [] }));
    expect(decision.becameReady).toEqual([list.at(2)]);
    expect(decision.events.at(-1)).toEqual({ event: "task_ready", taskId: 2, after: 2, owner: "ada" });
  });

  test("must exist, and must not be deleted, unless the task has them already", () => {
    const list = new List(task(1), task(2, { status: "deleted" }), task(3, { blockedBy: [2] }));
    const refused = list.update("lead", 1, { blockedBy: [9, 2, 9] });
    expect(codeOf(refused)).toBe("task_blocker_unknown");
    expect(messageOf(refused)).toContain("task 1 cannot wait for these tasks: 9 is unknown, 2 is deleted |");
    expect(codeOf(list.update("lead", 3, { blockedBy: [2, 1] }))).toBe("accepted");
  });

  test("are refused where they would close a circle, with the way around it", () => {
    const list = new List(task(1), task(2, { blockedBy: [1] }), task(3, { blockedBy: [2] }), task(4));
    expect(codeOf(list.update("lead", 1, { blockedBy: [1] }))).toBe("task_cycle");
    const refused = list.update("lead", 1, { blockedBy: [4, 3] });
    expect(messageOf(refused)).toContain("task 1 cannot wait for 3: 3 waits for 2 waits for 1 |");
    expect(refused).toMatchObject({ refusal: { details: { path: [1, 3, 2, 1] } } });
    expect(list.at(1).blockedBy).toEqual([]);
  });

  test("may lead in a circle through a task that is deleted: nobody waits for it", () => {
    const list = new List(
      task(1),
      task(2, { blockedBy: [1], status: "deleted" }),
      task(3, { blockedBy: [2] }),
    );
    expect(codeOf(list.update("lead", 1, { blockedBy: [3] }))).toBe("accepted");
    expect(codeOf(list.update("ada", 3, { status: "claimed" }))).toBe("accepted");
  });

  test("are not put before a task that somebody works on, unless they are done", () => {
    const list = new List(
      task(1, { status: "in_progress", owner: "ada", generation: 1 }),
      task(2),
      task(3, { status: "completed" }),
    );
    expect(messageOf(list.update("ada", 1, { blockedBy: [2] }))).toContain("release it first");
    expect(codeOf(list.update("ada", 1, { blockedBy: [3] }))).toBe("accepted");
    expect(codeOf(list.update("ada", 1, { status: "pending", blockedBy: [2] }))).toBe("accepted");
    expect(list.at(1)).toMatchObject({ status: "pending", blockedBy: [2] });
  });

  test("of a task that is completed stay as they were", () => {
    const list = new List(task(1), task(2, { status: "completed", owner: "ada", generation: 1 }));
    expect(codeOf(list.update("lead", 2, { blockedBy: [1] }))).toBe("task_transition");
  });

  test("and the claim in one call are judged together", () => {
    const list = new List(task(1), task(2), task(3, { blockedBy: [1] }));
    expect(codeOf(list.update("ada", 2, { status: "claimed", blockedBy: [1] }))).toBe("task_not_ready");
    expect(codeOf(list.update("ada", 3, { status: "claimed", blockedBy: [] }))).toBe("accepted");
  });
});

describe("creating", () => {
  test("gives the next number, the creator and nothing else", () => {
    const list = new List(task(1));
    const decision = list.create("ada", { subject: " Write it ", description: "all", blockedBy: [1, 1] });
    expect(decision).toMatchObject({
      kind: "accepted",
      created: [
        {
          taskId: 2,
          subject: "Write it",
          description: "all",
          status: "pending",
          createdBy: "ada",
          blockedBy: [1],
          unblocks: [],
          generation: 0,
          createdAt: 20,
          changedAt: 20,
        },
      ],
      becameReady: [],
      events: [{ event: "task_created", taskId: 2, by: "ada", blockedBy: [1] }],
      ownerChanges: [],
    });
    expect(list.at(1).unblocks).toEqual([2]);
    expect(list.at(2).owner).toBeUndefined();
  });

  test("several at once lets later ones wait for earlier ones by their position", () => {
    const list = new List(task(1), task(2));
    const decision = list.create(
      "lead",
      { subject: "a", owner: "ada" },
      { subject: "b", blockedByDraft: [0] },
      { subject: "c", blockedBy: [1], blockedByDraft: [0, 1] },
    );
    if (decision.kind !== "accepted") throw new Error(messageOf(decision));
    expect(decision.created.map((one) => [one.taskId, one.blockedBy, one.unblocks])).toEqual([
      [3, [], [4, 5]],
      [4, [3], [5]],
      [5, [1, 3, 4], []],
    ]);
    expect(decision.tasks.map((one) => one.taskId)).toEqual([3, 4, 5, 1]);
    expect(decision.ownerChanges).toEqual([{ participant: "ada", taskId: 3, change: "gained" }]);
    expect(decision.created).toEqual([list.at(3), list.at(4), list.at(5)]);
  });

  test("is all or nothing, and says which task it was", () => {
    const list = new List(task(1));
    const cases: [Partial<TaskDraft>, string, string][] = [
      [{ subject: "" }, "argument_invalid", "the subject of task 2 of 2 is empty"],
      [{ blockedBy: [9] }, "task_blocker_unknown", "task 2 of 2 cannot wait for these tasks: 9 is unknown"],
      [{ blockedByDraft: [1] }, "task_cycle", "task 2 of 2 cannot wait for itself"],
      [{ blockedByDraft: [2] }, "task_blocker_unknown", "task 2 of 2 waits for position 3"],
      [{ blockedByDraft: [-1] }, "task_blocker_unknown", "task 2 of 2 waits for position 0"],
      [{ blockedByDraft: [0.5] }, "task_blocker_unknown", "task 2 of 2 waits for position 1.5"],
      [{ owner: "cy" }, "member_unknown", '"cy" is no live participant'],
    ];
    for (const [draft, code, text] of cases) {
      const decision = list.create("lead", {}, draft);
      expect(codeOf(decision)).toBe(code);
      expect(messageOf(decision)).toContain(text);
    }
    expect(list.tasks.size).toBe(1);
  });

  test("behind a blocker that is done is ready at once, behind a deleted one is refused", () => {
    const list = new List(task(1, { status: "completed" }), task(2, { status: "deleted" }));
    expect(codeOf(list.create("ada", { blockedBy: [1] }))).toBe("accepted");
    expect(isReady(list.tasks, list.at(3))).toBe(true);
    expect(codeOf(list.create("ada", { blockedBy: [2] }))).toBe("task_blocker_unknown");
  });
});

describe("the tasks of one that has ended", () => {
  const list = new List(
    task(1, { status: "in_progress", owner: "ada", generation: 3 }),
    task(2, { status: "claimed", owner: "ada", generation: 1 }),
    task(3, { owner: "ada" }),
    task(4, { status: "completed", owner: "ada", generation: 1 }),
    task(5, { status: "in_progress", owner: "bo", generation: 2 }),
  );
  const released = releaseTasks(list.tasks, "ada", [1, 2, 3, 3, 4, 5, 9], { now: 50, revision: 5 });

  test("go back to the list, claims and assignments alike", () => {
    expect(
      released.tasks.map((one) => [one.taskId, one.status, one.owner, one.generation, one.revision]),
    ).toEqual([
      [1, "pending", undefined, 3, 5],
      [2, "pending", undefined, 1, 5],
      [3, "pending", undefined, 0, 5],
    ]);
    expect(released.tasks.every((one) => !("owner" in one))).toBe(true);
  });

  test("are no longer its own; what it completed, and what others have, stays", () => {
    expect(released.ownerChanges).toEqual(
      [1, 2, 3].map((taskId) => ({ participant: "ada", taskId, change: "lost" as const })),
    );
    expect(eventsOf(released)).toEqual(["task_released", "task_released", "task_released"]);
  });
});

describe("the graph", () => {
  test("knows the open blockers and the way to a task", () => {
    const list = new List(
      task(1),
      task(2, { status: "completed" }),
      task(3, { blockedBy: [1, 2] }),
      task(4, { blockedBy: [3] }),
    );
    expect(openBlockers(list.tasks, list.at(3))).toEqual([1]);
    expect(waitingPath(list.tasks, [4], 1)).toEqual([4, 3, 1]);
    expect(waitingPath(list.tasks, [4], 2)).toEqual([4, 3, 2]);
    expect(waitingPath(list.tasks, [1], 4)).toBeUndefined();
    expect(waitingPath(list.tasks, [], 4)).toBeUndefined();
  });

  test("is walked once a task, however many ways lead to it", () => {
    // 40 floors of two tasks that both wait for both below: a million million ways down.
    const floors = Array.from({ length: 40 }, (_, floor) => [2 * floor + 1, 2 * floor + 2]);
    const list = new List(
      ...floors.flatMap((floor, at) => floor.map((id) => task(id, { blockedBy: floors[at - 1] ?? [] }))),
    );
    let lookups = 0;
    const counting = {
      get: (id: TaskId): Task | undefined => {
        lookups += 1;
        return list.tasks.get(id);
      },
    };
    expect(waitingPath(counting, [79, 80], 99)).toBeUndefined();
    expect(lookups).toBe(80);
    const walk = taskLookups({ type: "update", taskId: 99, change: { blockedBy: [79, 80] } });
    let named = 0;
    for (let next = walk.next(); !next.done && named < 1_000; named += 1) {
      next = walk.next(next.value === 99 ? task(99) : list.tasks.get(next.value));
    }
    expect(named).toBe(81);
  });
});

describe("what a change may touch is bounded:", () => {
  const many = (count: number): readonly TaskId[] => Array.from({ length: count }, (_, at) => at + 2);

  test("a task waits for so many others at the most, old and new, and more are not even looked up", () => {
    const list = new List(task(1), ...many(BLOCKERS_MAX + 1).map((id) => task(id)));
    expect(codeOf(list.create("ada", { blockedBy: many(BLOCKERS_MAX) }))).toBe("accepted");
    expect(codeOf(list.update("lead", 1, { blockedBy: many(BLOCKERS_MAX) }))).toBe("accepted");

    const change = { blockedBy: many(BLOCKERS_MAX + 1) };
    expect(messageOf(list.update("lead", 1, change))).toContain(`would wait for ${BLOCKERS_MAX + 1} tasks`);
    expect(codeOf(list.create("ada", change))).toBe("task_limit");
    const drafts = [{ ...change, subject: "s", description: "", blockedByDraft: [] }];
    expect([...taskLookups({ type: "create", drafts })]).toEqual([]);
    const update = taskLookups({ type: "update", taskId: 1, change });
    expect([update.next().value, update.next(task(1)).done]).toEqual([1, true]);
  });

  test("so many wait for one at the most, and a list that was made before may only shrink", () => {
    const hub = task(1, { unblocks: many(DEPENDENTS_MAX) });
    const next = DEPENDENTS_MAX + 2;
    const list = new List(hub, ...many(DEPENDENTS_MAX).map((id) => task(id, { blockedBy: [1] })), task(next));
    const refusal = messageOf(list.update("lead", next, { blockedBy: [1] }));
    expect(refusal).toContain(`${DEPENDENTS_MAX + 1} tasks would wait for task 1`);
    expect(refusal).toContain("Create a task that waits for 1");
    expect(list.at(1).unblocks).toHaveLength(DEPENDENTS_MAX);

    list.tasks.set(1, { ...hub, unblocks: [...hub.unblocks, next, next + 1] });
    list.tasks.set(next, task(next, { blockedBy: [1] }));
    expect(codeOf(list.update("lead", next, { blockedBy: [] }))).toBe("accepted");
    expect(list.at(1).unblocks).not.toContain(next);
  });

  test("so many tasks are somebody's at the most, claimed or assigned", () => {
    const list = new List(task(1), task(2, { status: "in_progress", owner: "ada", generation: 1 }));
    list.owned = { ada: OWNED_MAX - 1 };
    expect(codeOf(list.update("ada", 1, { status: "claimed" }))).toBe("accepted");

    list.owned = { ada: OWNED_MAX };
    expect(codeOf(list.update("ada", 2, { status: "completed" }))).toBe("accepted");
    expect(codeOf(list.create("lead", { owner: "bo" }, { owner: "bo" }))).toBe("accepted");
    const assigned = list.create("lead", { owner: "ada" });
    expect(messageOf(assigned)).toContain(`ada would have ${OWNED_MAX + 1} open tasks`);
    expect(codeOf(list.update("ada", 3, { status: "claimed" }))).toBe("task_taken");
    expect(codeOf(list.create("lead", {}))).toBe("accepted");
    expect(codeOf(list.update("ada", 5, { status: "claimed" }))).toBe("task_limit");
    expect(codeOf(list.update("lead", 5, { owner: "ada" }))).toBe("task_limit");
    expect(list.at(5)).toMatchObject({ status: "pending", generation: 0 });
  });

  test("so many are created at once at the most", () => {
    const drafts = Array.from({ length: DRAFTS_MAX }, () => ({}));
    expect(codeOf(new List().create("lead", ...drafts))).toBe("accepted");
    expect(messageOf(new List().create("lead", ...drafts, {}))).toContain(
      `${DRAFTS_MAX + 1} tasks are to be created at once`,
    );
  });
});

describe("taking a task back", () => {
  test.each([
    ["assigned", { owner: "ada" }],
    ["begun", { owner: "ada", status: "in_progress" }],
  ] as const)("that is %s makes it nobody's and pending again", (_how, parts) => {
    const index = new Map([[1, task(1, parts)]]);
    const context = { by: "lead", live: LIVE, owned: {}, now: 2, revision: 2 };
    const update = decideTaskUpdate(index, 1, { owner: "" }, context);
    expect(update).toMatchObject({
      kind: "accepted",
      task: { status: "pending" },
      ownerChanges: [{ participant: "ada", change: "lost" }],
    });
    expect(update.kind === "accepted" && update.task).not.toHaveProperty("owner");
    const again = new Map([[1, task(1)]]);
    expect(decideTaskUpdate(again, 1, { owner: "" }, context).kind).toBe("unchanged");
  });
});
