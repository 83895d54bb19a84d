import { describe, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { call, gate, once } from "../support/model-replies.ts";
import { bodiesIn } from "./envelopes.ts";
import { answerOf, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const play = stage();

const ONE = { subject: "One", description: "The first." };
const TWO = { subject: "Two", description: "The second.", blockedBy: [1] };

async function rowsOf(team: Team, filter: unknown = {}): Promise<readonly unknown[]> {
  return (await team.lead.uses("team_task_list", filter))["tasks"] as readonly unknown[];
}

describe("a task", () => {
  test(
    "goes from the list through a member's hands to its result, which the lead can read",
    async () => {
      const team = await play.team(["ada"], { tasks: [ONE, TWO] });
      const ada = team.member("ada");

      const started = await ada.uses("team_task_update", { taskId: 1, status: "in_progress" });
      const completed = await ada.uses("team_task_update", {
        taskId: 1,
        status: "completed",
        result: { text: "It works.", artifacts: ["src/one.ts"] },
      });
      const read = await team.lead.uses("team_task_get", { taskId: 1 });

      expect(started).toMatchObject({ taskId: 1, status: "in_progress", owner: "ada" });
      expect(completed).toMatchObject({ status: "completed", nowReady: [{ taskId: 2 }] });
      expect(read).toMatchObject({
        ...ONE,
        status: "completed",
        owner: "ada",
        createdBy: "lead",
        unblocks: [{ taskId: 2, ready: true }],
        result: { text: "It works.", artifacts: ["src/one.ts"] },
      });
      expect(await team.files.task(1)).toMatchObject({ status: "completed", owner: "ada", generation: 1 });
      expect((await team.files.journal()).map((line) => line["event"])).toEqual(
        expect.arrayContaining([
          "task_created",
          "task_claimed",
          "task_started",
          "task_completed",
          "task_ready",
        ]),
      );
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "can be claimed first and started later, given back, and taken by another",
    async () => {
      const team = await play.team(["ada", "bo"], { tasks: [ONE] });
      const [ada, bo] = [team.member("ada"), team.member("bo")];

      expect(await ada.uses("team_task_update", { taskId: 1, status: "claimed" })).toMatchObject({
        status: "claimed",
        owner: "ada",
      });
      expect(await ada.uses("team_task_update", { taskId: 1, status: "claimed" })).toMatchObject({
        changed: false,
      });
      expect(await ada.uses("team_task_update", { taskId: 1, status: "pending" })).toMatchObject({
        status: "pending",
      });
      expect(await bo.uses("team_task_update", { taskId: 1, status: "in_progress" })).toMatchObject({
        owner: "bo",
      });
      expect(await ada.isRefused("team_task_update", { taskId: 1, status: "completed" })).toMatch(
        /^task_(not_owner|taken): .*\bbo\b/,
      );
      expect(await team.files.task(1)).toMatchObject({ owner: "bo", generation: 2 });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "that waits for another cannot be taken, and says for which",
    async () => {
      const team = await play.team(["ada"], { tasks: [ONE, TWO] });

      const refusal = await team
        .member("ada")
        .isRefused("team_task_update", { taskId: 2, status: "in_progress" });

      expect(refusal).toStartWith("task_not_ready: ");
      expect(refusal).toContain("task 2 waits for 1 (pending)");
      expect(await team.files.task(2)).toMatchObject({ status: "pending" });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "that becomes ready is told to its owner, and the lead if it has none",
    async () => {
      const team = await play.team(["ada", "bo"], {
        tasks: [ONE, { ...TWO, owner: "bo" }, { ...TWO, subject: "Three" }],
      });
      await team.member("ada").uses("team_task_update", { taskId: 1, status: "in_progress" });
      await team.member("ada").uses("team_task_update", { taskId: 1, status: "completed" });

      const toBo = await team.member("bo").reads("#2 Two");
      const toLead = await team.lead.reads("#3 Three");
      await team.quiet();

      expect(bodiesIn(toBo, "task").join()).toContain("A task is ready now: #2 Two.");
      expect(bodiesIn(toLead, "task").join()).toContain("A task is ready now: #3 Three.");
      expect(bodiesIn(toLead, "task").join()).not.toContain("#2");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "claimed by two members in the same moment has one owner, and the other is told whose it is",
    async () => {
      const team = await play.team(["ada", "bo"], { tasks: [ONE] });
      const both = [team.member("ada"), team.member("bo")];
      const door = gate();
      for (const member of both) {
        member.plays(once(door, call("team_task_update", { taskId: 1, status: "in_progress" })));
      }
      await team.lead.uses("team_send_message", { to: "*", body: "Whoever comes first." });
      await Promise.all(both.map((member) => member.reads("Whoever comes first.")));
      door.open();
      await eventually(() => {
        for (const member of both) expect(member.results()).toHaveLength(1);
      });

      const results = both.map((member) => member.results()[0] ?? "");
      const [won, lost] = results.toSorted((one) => (one.startsWith("{") ? -1 : 1));
      const owner = answerOf(won ?? "")["owner"];
      expect(["ada", "bo"]).toContain(owner as string);
      expect(lost).toStartWith("task_taken: ");
      expect(lost).toContain(String(owner));
      expect(await team.files.task(1)).toMatchObject({ owner, generation: 1 });
      const claims = (await team.files.journal()).filter((line) => line["event"] === "task_claimed");
      expect(claims).toHaveLength(1);
      await team.quiet();
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "can be assigned and deleted by the lead, who is the only other one to change it",
    async () => {
      const team = await play.team(["ada", "bo"], { tasks: [ONE] });
      const { lead } = team;
      await lead.uses("team_task_update", { taskId: 1, owner: "ada" });
      const assigned = await team.member("ada").reads("Task #1 is assigned to you");

      expect(bodiesIn(assigned, "task")).toHaveLength(1);
      expect(
        await team.member("bo").isRefused("team_task_update", { taskId: 1, status: "in_progress" }),
      ).toMatch(/^task_taken: .*\bada\b/);
      expect(await team.member("ada").isRefused("team_task_update", { taskId: 1, owner: "bo" })).toStartWith(
        "task_field_reserved: ",
      );
      expect(await team.member("bo").isRefused("team_task_update", { taskId: 1, status: "deleted" })).toMatch(
        /^not_allowed: bo may not delete task 1/,
      );
      await lead.uses("team_task_update", { taskId: 1, status: "deleted" });
      expect(await rowsOf(team)).toEqual([]);
      expect(await rowsOf(team, { status: "deleted" })).toMatchObject([{ taskId: 1 }]);
      await team.quiet();
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a new task", () => {
  test(
    "may wait for tasks that exist; unknown ones, itself and circles are refused",
    async () => {
      const team = await play.team(["ada"], { tasks: [ONE, TWO] });
      const ada = team.member("ada");

      expect(
        await ada.uses("team_task_create", { subject: "Three", description: "Last.", blockedBy: [1, 2] }),
      ).toMatchObject({ taskId: 3, status: "pending", waitsFor: [{ taskId: 1 }, { taskId: 2 }] });
      const unknown = await ada.isRefused("team_task_create", {
        subject: "Four",
        description: "No.",
        blockedBy: [9],
      });
      const itself = await team.lead.isRefused("team_task_update", { taskId: 1, blockedBy: [1] });
      const circle = await team.lead.isRefused("team_task_update", { taskId: 1, blockedBy: [3] });

      expect(unknown).toMatch(/^task_blocker_unknown: .*\b9\b/);
      expect(itself).toStartWith("task_cycle: ");
      expect(circle).toStartWith("task_cycle: ");
      expect(circle).toMatch(/3/);
      expect(await rowsOf(team)).toHaveLength(3);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "with arguments of the wrong kind is refused with what was received and what is allowed",
    async () => {
      const team = await play.team(["ada"]);

      const refusal = await team.lead.isRefused("team_task_update", { taskId: "first", status: "finished" });
      const missing = await team.lead.isRefused("team_task_get", { taskId: 7 });

      expect(refusal).toStartWith("argument_invalid: ");
      expect(refusal).toContain('"first"');
      expect(refusal).toContain('"finished"');
      expect(refusal).toContain("completed");
      expect(missing).toStartWith("task_unknown: task 7 is unknown");
    },
    TEST_TIMEOUT_MS,
  );
});

describe("the list", () => {
  test(
    "can be asked for a status, an owner, and what is ready",
    async () => {
      const team = await play.team(["ada"], {
        tasks: [
          ONE,
          TWO,
          { subject: "Three", description: "Free." },
          { ...ONE, subject: "Four", owner: "ada" },
        ],
      });
      await team.member("ada").uses("team_task_update", { taskId: 1, status: "in_progress" });
      const numbers = async (filter: unknown): Promise<readonly unknown[]> =>
        (await rowsOf(team, filter)).map((row) => (row as { taskId: number }).taskId);

      expect(await numbers({})).toEqual([1, 2, 3, 4]);
      expect(await numbers({ status: "in_progress" })).toEqual([1]);
      expect(await numbers({ status: "pending" })).toEqual([2, 3, 4]);
      expect(await numbers({ owner: "ada" })).toEqual([1, 4]);
      expect(await numbers({ ready: true })).toEqual([3, 4]);
      expect(await numbers({ ready: false, status: "pending" })).toEqual([2]);
      expect(await rowsOf(team, { ready: true })).toEqual([
        { taskId: 3, subject: "Three", status: "pending", ready: true },
        { taskId: 4, subject: "Four", status: "pending", owner: "ada", ready: true },
      ]);
    },
    TEST_TIMEOUT_MS,
  );
});
