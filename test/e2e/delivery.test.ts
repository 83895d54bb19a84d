import { describe, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { call, fail, gate, once } from "../support/model-replies.ts";
import { mentions } from "../support/model-request.ts";
import { SILENCE, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

/** The cases of docs/delivery.md in which something is in the way, on the real host. */
const on = stage({ teamMode: { enabled: true, mailbox_poll_interval_ms: 500 } });

/** Mail of the member that has not been acked, and why it waits. */
async function holdOf({ lead }: Team, name: string): Promise<unknown> {
  const { members } = await lead.uses("team_status");
  return (members as readonly { readonly name: string; readonly hold?: string }[]).find(
    (member) => member.name === name,
  )?.hold;
}

describe("mail for a member", () => {
  test(
    "waits for the person's staged undo, which any prompt would make final, and comes when it is taken back",
    async () => {
      const crew = await on.team(["ada"]);
      const ada = crew.member("ada");
      const [brief] = await on.host.messages(ada.sessionId);
      await on.host.call("POST", `/session/${ada.sessionId}/revert`, { body: { messageID: brief?.info.id } });

      await crew.lead.uses("team_send_message", { to: "ada", body: "Are you there?" });
      await eventually(async () => expect(await holdOf(crew, "ada")).toBe("undo_staged"));
      expect(ada.requests().some((request) => mentions(request, "Are you there?") > 0)).toBe(false);

      await on.host.call("POST", `/session/${ada.sessionId}/unrevert`, { body: {} });
      const read = await ada.reads("Are you there?");
      expect(mentions(read, "Are you there?")).toBe(1);
      expect(mentions(read, "Wait for mail, ada.")).toBe(1);
      await crew.quiet();
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "of a peer waits after a person's Esc; mail of the lead lets the member go on, and both stand there once",
    async () => {
      const crew = await on.team(["ada", "bo"]);
      const ada = crew.member("ada");
      const door = gate();
      ada.plays(once(door, SILENCE));
      await crew.lead.uses("team_send_message", { to: "ada", body: "First order." });
      await ada.reads("First order.");
      await on.host.abort(ada.sessionId);
      door.open();
      await eventually(async () =>
        expect((await crew.files.state()).members["ada"]).toMatchObject({
          status: "interrupted",
          heldByPerson: true,
        }),
      );

      await crew.member("bo").uses("team_send_message", { to: "ada", body: "A word of bo." });
      await eventually(async () => expect(await holdOf(crew, "ada")).toBe("stopped_by_person"));
      const before = ada.requests().length;

      await crew.lead.uses("team_send_message", { to: "ada", body: "Second order." });
      const read = await ada.reads("Second order.");
      expect(ada.requests().length).toBeGreaterThan(before);
      for (const text of ["First order.", "A word of bo.", "Second order."]) {
        expect(mentions(read, text)).toBe(1);
      }
      await crew.quiet();
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is posted again under the same ids after a provider error, and stands in the transcript once",
    async () => {
      const crew = await on.team(["ada"]);
      const ada = crew.member("ada");
      ada.plays(fail(400), SILENCE);
      await crew.lead.uses("team_send_message", { to: "ada", body: "Try this." });

      await eventually(() => {
        const tries = ada.requests().filter((request) => mentions(request, "Try this.") > 0);
        expect(tries.map((request) => request.outcome)).toEqual(["failed", "answered"]);
        expect(tries.map((request) => mentions(request, "Try this."))).toEqual([1, 1]);
      });
      await crew.quiet();
      const stored = await on.host.messages(ada.sessionId);
      expect(JSON.stringify(stored).split("Try this.")).toHaveLength(2);
      await crew.lead.reads("The turn of ada was cut short");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "that the model has answered is not told again after a compaction",
    async () => {
      const crew = await on.team(["ada"]);
      const ada = crew.member("ada");
      await crew.lead.uses("team_send_message", { to: "ada", body: "Remember the number 41." });
      await ada.reads("Remember the number 41.");
      await crew.quiet();
      await on.host.call("POST", `/session/${ada.sessionId}/summarize`, {
        body: { providerID: "mock", modelID: "m" },
      });

      await crew.lead.uses("team_send_message", { to: "ada", body: "And the number 42." });
      const read = await ada.reads("And the number 42.");
      expect(mentions(read, "And the number 42.")).toBe(1);
      await crew.quiet();
      const inbox = await crew.files.inbox("ada");
      expect({ ready: inbox.ready, reserved: inbox.reserved, batches: inbox.batches }).toEqual({
        ready: [],
        reserved: [],
        batches: [],
      });
      const posted = (await on.host.messages(ada.sessionId)).filter(
        ({ info, parts }) =>
          info.role === "user" && JSON.stringify(parts).includes("Remember the number 41."),
      );
      expect(posted).toHaveLength(1);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "whose session a person deletes is kept, the lead is told, and a member of the same name reads it",
    async () => {
      const crew = await on.team(["ada"]);
      const ada = crew.member("ada");
      await on.host.abort(ada.sessionId);
      await on.host.remove(ada.sessionId);
      await crew.lead.reads("Member ada is lost");
      await eventually(async () => expect((await crew.files.state()).members["ada"]?.status).toBe("lost"));
      expect(await crew.lead.isRefused("team_send_message", { to: "ada", body: "Still there?" })).toContain(
        "member_ended",
      );

      await crew.lead.uses("team_create", {
        inline_spec: {
          members: [{ name: "ada", subagent_type: "general", prompt: "You are the second ada." }],
        },
      });
      const { members } = await crew.files.state();
      expect(members["ada"]).toMatchObject({ generation: 2 });
      const second = on.actor(members["ada"]?.sessionId ?? "");
      await second.reads("You are the second ada.");
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a team that comes to rest with work left", () => {
  test(
    "wakes the member that began a task and stopped, and then the lead, once each",
    async () => {
      const crew = await on.team(["ada"], { tasks: [{ subject: "Map it", description: "All of it." }] });
      const ada = crew.member("ada");
      await crew.lead.reads("Nobody works and a task is open");
      ada.plays(call("team_task_update", { taskId: 1, status: "in_progress" }), SILENCE);
      await crew.lead.uses("team_send_message", { to: "ada", body: "Take task 1." });

      await ada.reads("Task #1 (Map it) is yours and in_progress");
      await crew.lead.reads("#1 Map it: in_progress, ada's");
      await crew.quiet();
      const told = (await crew.files.journal()).filter((line) => line["event"] === "run_quiet");
      expect(told.map((line) => line["told"])).toEqual(["lead", "ada", "lead"]);
    },
    TEST_TIMEOUT_MS,
  );
});
