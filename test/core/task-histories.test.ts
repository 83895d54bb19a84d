import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { TaskChange, TaskDraft } from "../../src/core/commands.ts";
import {
  decideTaskCreate,
  decideTaskUpdate,
  releaseTasks,
  type TaskChanges,
} from "../../src/core/decide-task.ts";
import type { TaskId } from "../../src/core/ids.ts";
import { TASK_STATUSES, type Task } from "../../src/core/task.ts";
import type { TaskContext } from "../../src/core/task-checks.ts";
import {
  isReady,
  isSettled,
  type TaskIndex,
  type TaskRequest,
  taskLookups,
  waitingPath,
} from "../../src/core/task-graph.ts";

const LIVE = ["lead", "ada", "bo", "cy"];

/** Reads from a store only what the lookups name, and counts; a task outside of that does not exist for the decision. */
function gather(store: ReadonlyMap<TaskId, Task>, request: TaskRequest): Map<TaskId, Task | undefined> {
  const read = new Map<TaskId, Task | undefined>();
  const walk = taskLookups(request);
  for (let next = walk.next(); !next.done; ) {
    if (!read.has(next.value)) read.set(next.value, store.get(next.value));
    next = walk.next(read.get(next.value));
  }
  return read;
}

/** An index that fails the test when a decision looks up what it has not asked for. */
function strict(read: ReadonlyMap<TaskId, Task | undefined>): TaskIndex {
  return {
    get: (taskId) => {
      if (!read.has(taskId)) throw new Error(`task ${taskId} was looked up and not asked for`);
      return read.get(taskId);
    },
  };
}

class TaskList {
  readonly store = new Map<TaskId, Task>();
  /** What each participant would have to give back, kept from the owner changes alone. */
  readonly held = new Map<string, Set<TaskId>>(LIVE.map((name) => [name, new Set<TaskId>()]));
  private revision = 0;

  create(by: string, drafts: readonly TaskDraft[]): void {
    const read = gather(this.store, { type: "create", drafts });
    const decision = decideTaskCreate(strict(read), drafts, {
      ...this.context(by),
      nextTaskId: this.store.size + 1,
    });
    if (decision.kind === "accepted") this.write(decision);
    this.check();
  }

  update(by: string, taskId: TaskId, change: TaskChange): void {
    const read = gather(this.store, { type: "update", taskId, change });
    const before = this.store.get(taskId);
    const ready = this.ready();
    const decision = decideTaskUpdate(strict(read), taskId, change, this.context(by));
    if (decision.kind === "accepted") {
      this.write(decision);
      expect(decision.task.generation - decision.before.generation).toBeOneOf([0, 1]);
      if (decision.task.generation > decision.before.generation) {
        expect(isReady(this.store, { ...decision.task, status: "pending" })).toBe(true);
        expect(decision.task.owner).toBe(by);
      }
      const waited = [...this.ready()].filter(
        (id) => !ready.has(id) && (id !== taskId || before?.status === "pending"),
      );
      expect(decision.becameReady.map((one) => one.taskId).toSorted()).toEqual(waited.toSorted());
    }
    if (decision.kind === "unchanged") expect(decision.task).toBe(before as Task);
    if (decision.kind === "refused") expect(decision.refusal.hint.length).toBeGreaterThan(10);
    this.check();
  }

  release(owner: string): void {
    const taskIds = [...(this.held.get(owner) ?? [])];
    const read = gather(this.store, { type: "release", taskIds });
    this.write(releaseTasks(strict(read), owner, taskIds, this.context(owner)));
    this.check();
  }

  private context(by: string): TaskContext {
    this.revision += 1;
    const owned = Object.fromEntries([...this.held].map(([name, tasks]) => [name, tasks.size]));
    return { by, live: LIVE, owned, now: this.revision * 1_000, revision: this.revision };
  }

  private ready(): Set<TaskId> {
    return new Set(
      [...this.store.values()].filter((one) => isReady(this.store, one)).map((one) => one.taskId),
    );
  }

  private write(changes: TaskChanges): void {
    expect(new Set(changes.tasks.map((one) => one.taskId)).size).toBe(changes.tasks.length);
    for (const one of changes.tasks) {
      expect(one.revision).toBe(this.revision);
      this.store.set(one.taskId, one);
    }
    for (const { participant, taskId, change } of changes.ownerChanges) {
      if (change === "gained") this.held.get(participant)?.add(taskId);
      else expect(this.held.get(participant)?.delete(taskId)).toBe(true);
    }
  }

  private check(): void {
    for (const one of this.store.values()) {
      const working = one.status === "claimed" || one.status === "in_progress";
      if (working) {
        expect(one.owner).toBeDefined();
        expect(one.generation).toBeGreaterThan(0);
        expect(isReady(this.store, { ...one, status: "pending" })).toBe(true);
      }
      if (one.result) expect(isSettled(one)).toBe(true);
      expect(new Set(one.blockedBy).size).toBe(one.blockedBy.length);
      for (const blocker of one.blockedBy) expect(this.store.get(blocker)?.unblocks).toContain(one.taskId);
      for (const other of one.unblocks) expect(this.store.get(other)?.blockedBy).toContain(one.taskId);
      if (!isSettled(one)) expect(waitingPath(this.store, one.blockedBy, one.taskId)).toBeUndefined();
    }
    for (const name of LIVE) {
      const mine = [...this.store.values()].filter((one) => one.owner === name && !isSettled(one));
      expect([...(this.held.get(name) ?? [])].toSorted()).toEqual(mine.map((one) => one.taskId).toSorted());
    }
  }
}

const taskId = fc.integer({ min: 1, max: 7 });
const someone = fc.constantFrom(...LIVE);
const draft: fc.Arbitrary<TaskDraft> = fc.record(
  {
    subject: fc.constantFrom("a", "b", ""),
    description: fc.constant(""),
    blockedBy: fc.array(taskId, { maxLength: 2 }),
    blockedByDraft: fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 2 }),
    owner: someone,
  },
  { requiredKeys: ["subject", "description", "blockedBy", "blockedByDraft"] },
);
const change: fc.Arbitrary<TaskChange> = fc.record(
  {
    status: fc.constantFrom(...TASK_STATUSES),
    owner: someone,
    subject: fc.constantFrom("a", "c"),
    blockedBy: fc.array(taskId, { maxLength: 3 }),
    result: fc.record({ text: fc.constantFrom("x", "y"), artifacts: fc.constant(["p"]) }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<TaskChange>;
/** Most of what models do sets a status and nothing else. */
const plainChange = fc.constantFrom(...TASK_STATUSES).map((status): TaskChange => ({ status }));

type Act =
  | { readonly act: "create"; readonly by: string; readonly drafts: readonly TaskDraft[] }
  | { readonly act: "update"; readonly by: string; readonly taskId: TaskId; readonly change: TaskChange }
  | { readonly act: "release"; readonly owner: string };

const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        act: fc.constant("create" as const),
        by: someone,
        drafts: fc.array(draft, { minLength: 1, maxLength: 3 }),
      }),
    },
    {
      weight: 10,
      arbitrary: fc.record({
        act: fc.constant("update" as const),
        by: someone,
        taskId,
        change: fc.oneof(change, plainChange, plainChange),
      }),
    },
    { weight: 1, arbitrary: fc.record({ act: fc.constant("release" as const), owner: someone }) },
  ),
  { maxLength: 40, size: "max" },
);

describe("over any history of a task list", () => {
  test("no task is worked on before its blockers are done, links and owners agree, nothing waits in a circle", () => {
    fc.assert(
      fc.property(acts, (history) => {
        const list = new TaskList();
        list.create("lead", [
          { subject: "first", description: "", blockedBy: [], blockedByDraft: [] },
          { subject: "second", description: "", blockedBy: [], blockedByDraft: [0] },
        ]);
        for (const one of history) {
          if (one.act === "create") list.create(one.by, one.drafts);
          if (one.act === "update") list.update(one.by, one.taskId, one.change);
          if (one.act === "release") list.release(one.owner);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("in a list of 10,000 tasks", () => {
  const SIZE = 10_000;

  function listOf(blockers: (taskId: TaskId) => readonly TaskId[]): Map<TaskId, Task> {
    const store = new Map<TaskId, Task>();
    for (let id = 1; id <= SIZE; id += 1) {
      store.set(id, {
        version: 1,
        taskId: id,
        subject: `task ${id}`,
        description: "",
        status: "pending",
        createdBy: "lead",
        blockedBy: blockers(id),
        unblocks: [],
        generation: 0,
        createdAt: 1,
        changedAt: 1,
        revision: 1,
      });
    }
    for (const one of [...store.values()]) {
      for (const blocker of one.blockedBy) {
        const found = store.get(blocker) as Task;
        store.set(blocker, { ...found, unblocks: [...found.unblocks, one.taskId] });
      }
    }
    return store;
  }

  /** The tasks read and the look-ups made for one update. */
  function cost(
    store: Map<TaskId, Task>,
    id: TaskId,
    wanted: TaskChange,
  ): { reads: number[]; lookups: number } {
    const read = gather(store, { type: "update", taskId: id, change: wanted });
    let lookups = 0;
    const index = strict(read);
    const counting: TaskIndex = {
      get: (one) => {
        lookups += 1;
        return index.get(one);
      },
    };
    const decision = decideTaskUpdate(counting, id, wanted, {
      by: "lead",
      live: LIVE,
      owned: {},
      now: 2,
      revision: 2,
    });
    expect(decision.kind).toBe("accepted");
    return { reads: [...read.keys()].toSorted((one, other) => one - other), lookups };
  }

  test("claiming reads the task and its blockers", () => {
    const store = listOf((id) => (id === 500 ? [7, 8] : []));
    for (const id of [7, 8]) store.set(id, { ...(store.get(id) as Task), status: "completed" });
    const { reads, lookups } = cost(store, 500, { status: "claimed" });
    expect(reads).toEqual([7, 8, 500]);
    expect(lookups).toBeLessThan(20);
  });

  test("completing reads what waits for the task, and what else that waits for", () => {
    const store = listOf((id) => {
      if (id === 900) return [500, 40];
      return id === 901 ? [500] : [];
    });
    store.set(500, { ...(store.get(500) as Task), status: "in_progress", owner: "lead", generation: 1 });
    const { reads, lookups } = cost(store, 500, { status: "completed" });
    expect(reads).toEqual([40, 500, 900, 901]);
    expect(lookups).toBeLessThan(20);
  });

  test("a new blocker is followed through what it waits for, each task once", () => {
    const store = listOf((id) => (id % 100 === 0 && id > 100 ? [id - 100] : []));
    const { reads, lookups } = cost(store, 5, { blockedBy: [SIZE] });
    expect(reads).toHaveLength(SIZE / 100 + 1);
    expect(lookups).toBeLessThan(3 * (SIZE / 100) + 20);
  });

  test("a chain of them all can be asked for a circle without losing the way or the stack", () => {
    const store = listOf((id) => (id > 1 ? [id - 1] : []));
    const wanted = { blockedBy: [SIZE] };
    const read = gather(store, { type: "update", taskId: 1, change: wanted });
    expect(read.size).toBe(SIZE);
    const decision = decideTaskUpdate(strict(read), 1, wanted, {
      by: "lead",
      live: LIVE,
      owned: {},
      now: 2,
      revision: 2,
    });
    if (decision.kind !== "refused") throw new Error("a circle was accepted");
    expect(decision.refusal.code).toBe("task_cycle");
    expect(decision.refusal.message.length).toBeLessThan(300);
  });

  test("creating one reads its blockers and nothing else", () => {
    const store = listOf(() => []);
    const drafts = [{ subject: "s", description: "", blockedBy: [3, 4], blockedByDraft: [] }];
    expect([...gather(store, { type: "create", drafts }).keys()]).toEqual([3, 4]);
  });
});
