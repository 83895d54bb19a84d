import { describe, expect, test } from "bun:test";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { call } from "../support/model-replies.ts";
import { toolResults } from "../support/model-request.ts";
import { bodiesIn, mailIn } from "./envelopes.ts";
import { runFolder } from "./run-folder.ts";
import { type Actor, type Answer, answerOf, stage, TEST_TIMEOUT_MS } from "./stage.ts";

const play = stage({
  files: {
    ".opencode/teams/explorers.jsonc": `{
      // Comments and a trailing comma are welcome.
      "description": "Map the code base.",
      "members": [
        { "name": "Scout", "agent": "general", "systemPrompt": "Look around." },
        { "name": "scout", "agent": "general", "model": "mock/n" },
      ],
    }`,
    ".opencode/teams/broken.jsonc":
      '{\n  "members": [{ "name": "ada", "agent": "general", "colour": "red" }]\n}',
    "tight/opencode.json": JSON.stringify({ team_mode: { max_members: 2 } }),
  },
});

function member(
  name: string,
  extra: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return { name, subagent_type: "general", prompt: "Wait.", ...extra };
}

/** Calls team_create in a turn of a person who asks for a team; answers what the model was sent of it. */
async function creates(lead: Actor, args: unknown): Promise<string> {
  await lead.hears("Form a team.", call("team_create", args));
  return lead.results().at(-1) ?? "";
}

function membersOf(answer: Answer): readonly Readonly<Record<string, string>>[] {
  return answer["members"] as readonly Readonly<Record<string, string>>[];
}

describe("team_create", () => {
  test(
    "gives every member one session, a child of the lead's with its agent, and its brief",
    async () => {
      const team = await play.team(["ada", "bo", "cy"], { spec: { description: "To see what happens." } });
      const children = await play.host.children(team.lead.sessionId);

      expect(children.map(({ id, agent, title }) => ({ id, agent, title })).toSorted(byTitle)).toEqual(
        ["ada", "bo", "cy"].map((name) => ({
          id: team.member(name).sessionId,
          agent: "general",
          title: `${team.name}: ${name}`,
        })),
      );
      const [brief] = bodiesIn(team.member("bo").newest(), "brief");
      expect(brief).toBe(
        `You are bo, a member of the team "${team.name}".\n\nYour assignment:\nWait for mail, bo.`,
      );
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "keeps the run where only its owner can read it",
    async () => {
      const { files } = await play.team(["ada"]);

      const modes = await Promise.all(
        [files.path, join(files.path, "state.json"), join(files.path, "inboxes", "ada")].map(async (path) =>
          ((await stat(path)).mode & 0o777).toString(8),
        ),
      );

      expect(modes).toEqual(["700", "600", "700"]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "starts a declared team by its name and says what it understood differently",
    async () => {
      const lead = await play.outsider();

      const created = answerOf(await creates(lead, { teamName: "explorers" }));

      expect(created).toMatchObject({ status: "active", members: [{ name: "scout" }, { name: "scout-2" }] });
      expect(String(created["notes"])).toContain("scout-2");
      const second = play.actor(membersOf(created)[1]?.["sessionId"] ?? "");
      expect((await second.reads("You are scout-2")).model).toBe("n");
      const first = play.actor(membersOf(created)[0]?.["sessionId"] ?? "");
      expect(bodiesIn(await first.reads("You are scout,"), "brief")[0]).toContain("Look around.");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "takes the first tasks along, with blockers by position, and gives them to their owners",
    async () => {
      const team = await play.team(["ada"], {
        tasks: [
          { subject: "One", description: "First.", owner: "ada" },
          { subject: "Two", description: "Second.", blockedBy: [1] },
        ],
      });

      expect(await team.lead.uses("team_task_list")).toMatchObject({
        tasks: [
          { taskId: 1, owner: "ada", ready: true },
          { taskId: 2, blockedBy: [1] },
        ],
      });
      expect(bodiesIn(team.member("ada").newest(), "brief")[0]).toContain("Tasks assigned to you: #1.");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "does without a member that cannot be had, and says why and what would do instead",
    async () => {
      const lead = await play.outsider();
      const members = [
        member("ada"),
        member("bo", { subagent_type: "nobody" }),
        member("cy", { subagent_type: "explore" }),
      ];

      const created = answerOf(await creates(lead, { inline_spec: { name: "partial", members } }));

      expect(created).toMatchObject({ status: "active" });
      expect(membersOf(created)).toMatchObject([
        { name: "ada", status: "waiting" },
        {
          name: "bo",
          status: "failed",
          error: expect.stringContaining('Agent "nobody" does not exist here.'),
        },
        { name: "cy", status: "failed", error: expect.stringContaining("use the task tool") },
      ]);
      expect(await play.host.children(lead.sessionId)).toHaveLength(1);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "creates nothing if no member is left, if the description is wrong, or if the team is unknown",
    async () => {
      const lead = await play.outsider();
      const nobody = { name: "none", members: [member("bo", { subagent_type: "nobody" })] };
      const wrong = { name: "wrong", members: [member("ada", { colour: "red" }), member("lead")] };

      const left = await creates(lead, { inline_spec: nobody });
      const faults = await creates(lead, { inline_spec: wrong });
      const unknown = await creates(lead, { teamName: "pirates" });
      const broken = await creates(lead, { teamName: "broken" });

      expect(left).toStartWith("spec_invalid: no member could be planned: bo: ");
      expect(faults).toStartWith("spec_invalid: ");
      expect(faults).toContain("members[0].colour");
      expect(faults).toContain("members[1].name");
      expect(unknown).toStartWith('team_not_found: no team "pirates" is declared');
      expect(unknown).toContain("explorers");
      expect(broken).toStartWith('spec_invalid: team "broken" cannot be used: ');
      expect(broken).toMatch(/broken\.jsonc:2:\d+: .*colour/);
      expect(await play.host.children(lead.sessionId)).toEqual([]);
      expect(await lead.uses("team_list")).not.toMatchObject({ runs: [{ you: "lead" }] });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "adds members to the lead's run, up to the limit and no further",
    async () => {
      const { id } = await play.host.session({ directory: join(play.host.work, "tight") });
      const team = await play.team(["ada"], { lead: play.actor(id) });

      const added = await team.lead.uses("team_create", {
        inline_spec: { name: team.name, members: [member("bo")] },
      });
      const refusal = await team.lead.isRefused("team_create", {
        inline_spec: { name: team.name, members: [member("cy")] },
      });

      expect(added).toMatchObject({ runId: team.runId, members: [{ name: "bo", status: "waiting" }] });
      expect(refusal).toStartWith("too_many_members: ");
      expect(refusal).toContain("max_members = 2");
      await play.actor(membersOf(added)[0]?.["sessionId"] ?? "").reads("You are bo");
      expect(Object.keys((await team.files.state()).members)).toEqual(["ada", "bo"]);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("team_list", () => {
  test(
    "shows declared teams and live runs to anybody; a broken file is one row with its place",
    async () => {
      const team = await play.team(["ada"], { spec: { description: "Listed." } });
      const outsider = await play.outsider();

      const seen = await outsider.uses("team_list");
      const own = await team.member("ada").uses("team_list");

      expect(seen["teams"]).toMatchObject([
        { name: "broken", source: "project", error: expect.stringMatching(/broken\.jsonc:2:\d+: .*colour/) },
        {
          name: "explorers",
          source: "project",
          description: "Map the code base.",
          members: ["scout", "scout-2"],
        },
      ]);
      expect(seen["runs"]).toContainEqual(
        expect.objectContaining({ runId: team.runId, team: team.name, members: ["ada"] }),
      );
      expect(seen["runs"]).not.toContainEqual(expect.objectContaining({ you: expect.anything() }));
      expect(own["runs"]).toContainEqual(expect.objectContaining({ runId: team.runId, you: "ada" }));
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a whole story", () => {
  test(
    "a lead forms a team, a member is briefed, works and reports, the lead reads it and ends the team",
    async () => {
      const lead = await play.outsider();
      const spec = { name: "readers", members: [member("scout", { prompt: "Say what the README is." })] };
      play.model.name("readers/scout", (request) => request.lastUserText.includes('of the team "readers"'));
      play.model.program({
        when: "readers/scout",
        steps: [
          call("read", { filePath: join(play.host.work, "README.md") }),
          call("team_send_message", { to: "lead", body: "It is a <b>small</b> project." }),
        ],
      });

      play.model.script((request) => {
        if (request.sessionId !== lead.sessionId) return undefined;
        const newest = toolResults(request).at(-1);
        if (newest === undefined) return call("team_create", { inline_spec: spec });
        if (newest.name === "team_delete") return undefined;
        // Mail ends a wait early, so it may take two.
        if (newest.text.includes('"ended":"idle"')) return call("team_delete");
        return call("team_status", { waitFor: "idle", timeoutMs: 30_000 });
      });
      await play.host.prompt(lead.sessionId, "Form a team to explore this project.");

      const created = lead.results()[0];
      const deleted = lead.results().at(-1);
      expect(mailIn(lead.newest())).toMatchObject([{ from: "scout", body: "It is a <b>small</b> project." }]);
      expect(answerOf(deleted ?? "")).toMatchObject({
        status: "closed",
        members: [{ name: "scout", was: "waiting" }],
      });
      const files = runFolder(play.baseDir, String(answerOf(created ?? "")["runId"]));
      expect((await files.state()).status).toBe("closed");
    },
    TEST_TIMEOUT_MS,
  );
});

function byTitle(one: { readonly title: string }, other: { readonly title: string }): number {
  return one.title < other.title ? -1 : 1;
}
