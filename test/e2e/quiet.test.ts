import { describe, expect, test } from "bun:test";
import { say } from "../support/model-replies.ts";
import { bodiesIn } from "./envelopes.ts";
import { stage, TEST_TIMEOUT_MS } from "./stage.ts";

const play = stage();

describe("a run in which nobody works although a task is open", () => {
  test(
    "wakes the one who began it, once, and then the lead, once; nobody else",
    async () => {
      const team = await play.team(["ada", "bo"], { tasks: [{ subject: "One", description: "First." }] });
      const [ada, bo] = [team.member("ada"), team.member("bo")];
      const bystander = bo.requests().length;
      await ada.uses("team_task_update", { taskId: 1, status: "in_progress" });

      const asked = await ada.reads("Task #1 (One) is yours and in_progress");
      const told = await team.lead.reads("Nobody works and a task is open");
      await team.quiet();

      expect(told.receivedAt).toBeGreaterThan(asked.receivedAt);
      expect(bodiesIn(ada.newest(), "stuck")).toHaveLength(1);
      expect(bodiesIn(team.lead.newest(), "stuck")).toHaveLength(1);
      expect(bo.requests()).toHaveLength(bystander);
      expect(await team.lead.uses("team_status")).toMatchObject({
        stuck: expect.stringContaining("#1 is in_progress by ada"),
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is noticed by the next owner, if the one before it died first",
    async () => {
      const team = await play.team(["ada"], { tasks: [{ subject: "One", description: "First." }] });
      await team.member("ada").uses("team_task_update", { taskId: 1, status: "in_progress" });
      await play.host.kill9();
      await play.host.start();
      await play.host.session();

      await team.member("ada").reads("Task #1 (One) is yours and in_progress");
    },
    TEST_TIMEOUT_MS,
  );
});

describe("idle chatter", () => {
  test(
    "between members is no mail: no turn that a peer began, no end of one, wakes the lead",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const before = team.lead.requests().length;
      const { messages } = await team.files.state();
      team.member("bo").plays(say("I shall think about it."));
      await team.member("ada").uses("team_send_message", { to: "bo", body: "A thought." });
      await team.member("bo").reads("A thought.");
      await team.quiet();

      expect(team.lead.requests()).toHaveLength(before);
      expect((await team.files.state()).messages).toBe(messages + 1);
      expect((await team.files.inbox("lead")).processed).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});
