import { describe, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { call, gate, once, say } from "../support/model-replies.ts";
import { bodiesIn, mailIn } from "./envelopes.ts";
import { LATCH_PLUGIN, latch } from "./latch.ts";
import { stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const play = stage({ otherPlugins: [LATCH_PLUGIN] });

async function memberOf(team: Team, name: string) {
  const member = (await team.files.state()).members[name];
  if (member === undefined) throw new Error(`no member ${name} in ${team.runId}`);
  return member;
}

function ended(team: Team, name: string): Promise<void> {
  return eventually(async () => {
    expect(await memberOf(team, name)).toMatchObject({
      status: "done",
      reason: "shut down",
      shutdown: { status: "complete" },
    });
  });
}

describe("a shutdown that the lead asks for", () => {
  test(
    "wakes the member, which agrees and ends with its turn, and the lead is told",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const { lead } = team;
      const ada = team.member("ada");
      ada.plays(call("team_approve_shutdown", { memberName: "ada" }), say("Goodbye."));

      const asked = await lead.uses("team_shutdown_request", { targetMemberName: "ada", reason: "Done." });
      const woken = await ada.reads("asks you to shut down");
      await ended(team, "ada");
      const told = await lead.reads("agreed to shut down");

      expect(asked).toMatchObject({ member: "ada", shutdown: "requested" });
      expect(mailIn(woken).at(-1)).toMatchObject({ from: "lead", kind: "shutdown_request" });
      expect(bodiesIn(woken, "shutdown_request")[0]).toContain("Reason: Done.");
      expect(JSON.parse(ada.results()[0] ?? "")).toMatchObject({ shutdown: "approved" });
      expect(mailIn(told)).toMatchObject([{ from: "ada", kind: "shutdown_approved" }]);
      expect((await memberOf(team, "bo")).status).toBe("waiting");
      await team.quiet();
      expect(await lead.uses("team_status")).toMatchObject({
        members: [
          { name: "ada", status: "done" },
          { name: "bo", status: "waiting" },
        ],
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "can be rejected with a reason, which wakes the lead; the member goes on",
    async () => {
      const team = await play.team(["ada"]);
      team
        .member("ada")
        .plays(call("team_reject_shutdown", { memberName: "ada", reason: "One test is red." }));
      await team.lead.uses("team_shutdown_request", { targetMemberName: "ada" });

      const told = await team.lead.reads("One test is red.");
      await team.quiet();

      expect(mailIn(told)).toMatchObject([{ from: "ada", kind: "shutdown_rejected" }]);
      expect(await memberOf(team, "ada")).toMatchObject({ status: "waiting", shutdown: { status: "none" } });
      await team.lead.uses("team_send_message", { to: "ada", body: "Then mend it." });
      await team.member("ada").reads("Then mend it.");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "ends a busy member only after its turn, and its tasks return to the list",
    async () => {
      const team = await play.team(["ada", "bo"], {
        tasks: [
          { subject: "Write", description: "Write it." },
          { subject: "Assigned", description: "For ada.", owner: "ada" },
        ],
      });
      const { lead } = team;
      const ada = team.member("ada");
      const door = gate();
      ada.plays(
        call("team_task_update", { taskId: 1, status: "in_progress" }),
        once(door, call("read", { filePath: `${play.host.work}/README.md` })),
      );
      await lead.uses("team_send_message", { to: "ada", body: "Take task 1." });
      await eventually(async () => expect(await team.files.task(1)).toMatchObject({ owner: "ada" }));
      await lead.uses("team_shutdown_request", { targetMemberName: "ada" });

      expect(await lead.uses("team_approve_shutdown", { memberName: "ada" })).toMatchObject({
        shutdown: "approved",
        memberStatus: "working",
      });
      const refusal = await lead.isRefused("team_send_message", { to: "ada", body: "One more thing." });
      expect(refusal).toStartWith('member_ended: member "ada" is about to shut down');
      expect(await team.files.task(1)).toMatchObject({ status: "in_progress", owner: "ada" });
      door.open();
      await ended(team, "ada");

      expect(ada.results().at(-1)).toContain("# A small project");
      await eventually(async () => expect(await team.files.task(1)).not.toHaveProperty("owner"));
      expect(await lead.uses("team_task_list")).toMatchObject({
        tasks: [
          { taskId: 1, status: "pending", ready: true },
          { taskId: 2, status: "pending", ready: true },
        ],
      });
      expect(await lead.isRefused("team_send_message", { to: "ada", body: "Hello?" })).toStartWith(
        'member_ended: member "ada" is done',
      );
      expect(
        await team.member("bo").uses("team_task_update", { taskId: 1, status: "in_progress" }),
      ).toMatchObject({ owner: "bo" });
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a shutdown that the member asks for", () => {
  test(
    "wakes the lead, and ends the member when the lead approves",
    async () => {
      const team = await play.team(["ada"]);
      const { lead } = team;
      lead.plays(call("team_approve_shutdown", { memberName: "ada" }));

      await team
        .member("ada")
        .uses("team_shutdown_request", { targetMemberName: "ada", reason: "All done." });
      const woken = await lead.reads("ada asks to be shut down");
      await ended(team, "ada");

      expect(mailIn(woken)).toMatchObject([{ from: "ada", kind: "shutdown_request" }]);
      expect(bodiesIn(woken, "shutdown_request")[0]).toContain("Reason: All done.");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "can be rejected by the lead, which wakes the member",
    async () => {
      const team = await play.team(["ada"]);
      team.lead.plays(call("team_reject_shutdown", { memberName: "ada", reason: "The docs are missing." }));

      await team.member("ada").uses("team_shutdown_request", { targetMemberName: "ada" });
      const told = await team.member("ada").reads("The docs are missing.");
      await team.quiet();

      expect(mailIn(told).at(-1)).toMatchObject({ from: "lead", kind: "shutdown_rejected" });
      expect(await memberOf(team, "ada")).toMatchObject({ status: "waiting", shutdown: { status: "none" } });
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a shutdown call", () => {
  test(
    "is refused for another member, for nobody, and without a request",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const { lead } = team;
      const bo = team.member("bo");

      const refusals = [
        await bo.isRefused("team_shutdown_request", { targetMemberName: "ada" }),
        await lead.isRefused("team_shutdown_request", { targetMemberName: "eve" }),
        await lead.isRefused("team_approve_shutdown", { memberName: "ada" }),
        await lead.isRefused("team_reject_shutdown", { memberName: "ada", reason: "No." }),
      ];
      await lead.uses("team_shutdown_request", { targetMemberName: "ada" });
      refusals.push(await bo.isRefused("team_approve_shutdown", { memberName: "ada" }));
      refusals.push(await bo.isRefused("team_reject_shutdown", { memberName: "ada", reason: "No." }));

      expect(refusals).toEqual([
        expect.stringMatching(/^not_allowed: bo may not decide about ada\./),
        expect.stringMatching(/^member_unknown: member "eve" is unknown .*lead, ada, bo/),
        expect.stringMatching(
          /^shutdown_not_requested: nobody has asked ada to shut down\. .*team_shutdown_request/,
        ),
        expect.stringMatching(/^shutdown_not_requested: nobody has asked ada to shut down\./),
        expect.stringMatching(/^not_allowed: bo may not decide about ada\./),
        expect.stringMatching(/^not_allowed: bo may not decide about ada\./),
      ]);
      expect((await memberOf(team, "ada")).shutdown.status).toBe("requested");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "made again changes nothing and says so",
    async () => {
      const team = await play.team(["ada"]);
      const { lead } = team;
      await lead.uses("team_shutdown_request", { targetMemberName: "ada" });
      const repeat = await lead.uses("team_shutdown_request", { targetMemberName: "ada" });
      await team.quiet();

      expect(repeat).toMatchObject({ shutdown: "requested", changed: false });
      expect(bodiesIn(team.member("ada").newest(), "shutdown_request")).toHaveLength(1);
      await lead.uses("team_approve_shutdown", { memberName: "ada" });
      await ended(team, "ada");
      expect(await lead.isRefused("team_shutdown_request", { targetMemberName: "ada" })).toStartWith(
        "member_ended: ada is done already",
      );
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a name that has ended", () => {
  test(
    "can be given again to a new member, which has a session of its own",
    async () => {
      const team = await play.team(["ada"]);
      const { lead } = team;
      await lead.uses("team_shutdown_request", { targetMemberName: "ada" });
      await lead.uses("team_approve_shutdown", { memberName: "ada" });
      await ended(team, "ada");

      const again = await lead.uses("team_create", {
        inline_spec: {
          name: team.name,
          members: [{ name: "ada", subagent_type: "general", prompt: "Again." }],
        },
      });

      const [seat] = again["members"] as readonly { sessionId: string }[];
      const second = play.actor(seat?.sessionId ?? "", "general");
      expect(second.sessionId).not.toBe(team.member("ada").sessionId);
      await lead.uses("team_send_message", { to: "ada", body: "Welcome back." });
      await second.reads("Welcome back.");
      await team.quiet();
      expect(bodiesIn(team.member("ada").newest())).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a shutdown that is approved while the member is about to be woken", () => {
  /** The request is posted and its turn has not begun. */
  async function approved(team: Team): Promise<() => Promise<void>> {
    const letGo = await latch(play.host.work, "asks you to shut down");
    await team.lead.uses("team_shutdown_request", { targetMemberName: "ada" });
    await eventually(async () => expect((await team.files.inbox("ada")).reserved).toHaveLength(1));

    expect(await team.lead.uses("team_approve_shutdown", { memberName: "ada" })).toMatchObject({
      shutdown: "approved",
      memberStatus: "waiting",
    });
    return letGo;
  }

  test(
    "lets it have that turn and ends it then",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const letGo = await approved(team);
      ada.plays(say("Goodbye."));
      await letGo();
      await ended(team, "ada");

      expect(bodiesIn(ada.newest(), "shutdown_request")).toHaveLength(1);
      expect(ada.newest().outcome).toBe("answered");
      expect(await memberOf(team, "ada")).toMatchObject({ usage: { turns: 2 } });
      await eventually(async () => expect((await team.files.inbox("ada")).processed).toHaveLength(2));
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "ends it without that turn if the host dies before it begins",
    async () => {
      const team = await play.team(["ada"]);
      const before = team.member("ada").requests().length;
      const letGo = await approved(team);
      await play.host.kill9();
      await letGo();
      await play.host.restart();
      await play.host.session();

      await ended(team, "ada");
      expect(team.member("ada").requests()).toHaveLength(before);
    },
    TEST_TIMEOUT_MS,
  );
});
