import { beforeAll, describe, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "../support/eventually.ts";
import { call, say } from "../support/model-replies.ts";
import { type ModelRequest, toolNames, toolResults } from "../support/model-request.ts";
import { mailIn } from "./envelopes.ts";
import { FAULTY_HOST, faultyHost } from "./faulty-host.ts";
import { ORDINARY_SET, offeredIn } from "./offered.ts";
import { type Actor, type Answer, answerOf, PATIENCE, stage, TEST_TIMEOUT_MS } from "./stage.ts";

const AGENTS_PLUGIN = fileURLToPath(new URL("./agents-plugin.ts", import.meta.url));

const play = stage({
  plugin: FAULTY_HOST,
  otherPlugins: [AGENTS_PLUGIN],
  teamMode: {
    enabled: true,
    categories: {
      docs: { agent: "scribe", model: "mock/n", variant: "high", prompt: "Be brief." },
      audits: { agent: "auditor" },
    },
  },
  config: {
    subagent_depth: 2,
    agent: { general: { variant: "low" }, hidden: { mode: "primary", disable: true } },
  },
  files: {
    ".opencode/agent/scribe.md": "---\ndescription: Writes.\nmode: all\n---\nYou write what others find.\n",
    ".opencode/teams/mixed.jsonc": `{
      "$schema": "https://example.invalid/team.schema.json",
      "description": "One of each kind.",
      "lead": { "instructions": "Collect what they find." },
      "members": [
        { "name": "writer", "category": "docs", "prompt": "Write it down." },
        { "name": "pinned", "agent": "general", "role": "Look.", "model": "mock/n", "variant": "low" },
        { "name": "plain", "subagent_type": "scribe", "prompt": null, "model": "" },
        { "name": "foreign", "kind": "category", "category": "audits", "instructions": "Audit it all." },
        { "name": "builder", "agent": "build" },
      ],
    }`,
    ".opencode/teams/both.jsonc": '{ "description": "The project\'s.", "members": ["general"] }',
    ".opencode/teams/partly.jsonc":
      '{ "members": ["general", "hermit", { "category": "gone", "prompt": "Anything." }] }',
    ".opencode/teams/torn.jsonc":
      '{\n  "members": [\n    { "name": "ada", "agent": "general" },\n    { "agent": "general", "role": 7 }\n  ]\n}',
    "narrow/opencode.json": JSON.stringify({ team_mode: { max_members: 2 } }),
  },
});
const host = faultyHost(() => play.host.home);

/** A turn of a cold host, a member's and several more. */
const LONG_MS = 2 * TEST_TIMEOUT_MS;

beforeAll(async () => {
  const folder = join(play.host.home, ".config", "opencode", "teams");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "both.jsonc"), '{ "description": "The user\'s.", "members": ["build"] }');
  await writeFile(join(folder, "mine.jsonc"), '{ "description": "Mine alone.", "members": ["general"] }');
});

async function creates(lead: Actor, args: unknown): Promise<string> {
  await lead.hears("Form a team.", call("team_create", args));
  return lead.results().at(-1) ?? "";
}

interface Seat {
  readonly name: string;
  readonly status: string;
  readonly sessionId: string;
  readonly error?: string;
}

function seats(answer: Answer): readonly Seat[] {
  return answer["members"] as readonly Seat[];
}

function styleOf({ model, body, system }: ModelRequest): readonly unknown[] {
  const agent = /You (?:write|audit) what others \w+/.exec(system)?.[0];
  return [model, body["reasoning_effort"], agent];
}

function seatOf(answer: Answer, name: string): Seat {
  const seat = seats(answer).find((one) => one.name === name);
  if (seat === undefined) throw new Error(`no member ${name} in ${JSON.stringify(answer)}`);
  return seat;
}

describe("declared teams", () => {
  test(
    "bring members of every kind of agent, each under its own agent, model and variant from its first prompt to its last",
    async () => {
      const lead = await play.outsider();
      // The person's own choice for this session, which members without a model share, but for the variant.
      await play.host.call("POST", `/session/${lead.sessionId}/message`, {
        body: {
          agent: "build",
          model: { providerID: "mock", modelID: "m" },
          variant: "high",
          parts: [{ type: "text", text: "Please make a team of them." }],
        },
      });
      const created = answerOf(await creates(lead, { teamName: "Mixed" }));
      expect(created).toMatchObject({ status: "active" });

      const wanted = {
        writer: ["n", "high", "You write what others find"],
        pinned: ["n", "low", undefined],
        plain: ["m", undefined, "You write what others find"],
        foreign: ["n", undefined, "You audit what others write"],
        builder: ["m", undefined, undefined],
      };
      for (const name of Object.keys(wanted)) {
        await play
          .actor(seatOf(created, name).sessionId)
          .reads(`You are ${name}, a member of the team "mixed".`);
      }
      await lead.uses("team_send_message", { to: "*", body: "And once more." });
      expect(lead.newest().system).toContain("Collect what they find.");
      for (const [name, style] of Object.entries(wanted)) {
        const member = play.actor(seatOf(created, name).sessionId);
        await member.reads("And once more.");
        const styles = member.requests().map(styleOf);
        expect([name, styles.length > 1, ...new Set(styles.map((one) => JSON.stringify(one)))]).toEqual([
          name,
          true,
          JSON.stringify(style),
        ]);
      }
      const brief = await play.actor(seatOf(created, "writer").sessionId).reads("You are writer");
      expect(brief.lastUserText).toContain("Your assignment:\nBe brief.\n\nWrite it down.");
      const assigned = await play.actor(seatOf(created, "foreign").sessionId).reads("You are foreign");
      expect(assigned.lastUserText).toContain("Audit it all.");
      const idle = await play.actor(seatOf(created, "plain").sessionId).reads("You are plain");
      expect(idle.lastUserText).toContain("Your assignment comes from the task list and by mail.");
      expect(await lead.uses("team_delete", { force: true })).toMatchObject({ status: "closed" });
    },
    LONG_MS,
  );

  test(
    "are listed from both folders, the project's first; a broken file and a member that would not start say why and where",
    async () => {
      const outsider = await play.outsider();
      const { teams, next } = await outsider.uses("team_list");
      const rows = new Map((teams as readonly Answer[]).map((row) => [row["name"], row]));

      expect(rows.get("both")).toMatchObject({ source: "project", description: "The project's." });
      expect(rows.get("mine")).toMatchObject({ source: "user", members: ["general"] });
      expect(rows.get("mixed")).not.toHaveProperty("refused");
      expect(rows.get("torn")).toEqual({
        name: "torn",
        source: "project",
        path: expect.stringMatching(/torn\.jsonc$/),
        error: expect.stringMatching(/torn\.jsonc:4:\d+: members\[1\]\.role: received 7/),
      });
      expect(rows.get("partly")).toMatchObject({
        members: ["general", "hermit", "gone"],
        refused: [
          expect.stringMatching(/^hermit: The permissions of agent "hermit" deny .*agent_eligibility/),
          'gone: category "gone" is not in team_mode.categories (docs, audits).',
        ],
      });
      expect(next).toContain('teamName "both"');
      expect(
        ((await outsider.uses("team_list", { scope: "user" }))["teams"] as readonly Answer[]).length,
      ).toBe(1);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("one member that fails", () => {
  test(
    "never takes the others down, whatever it fails of, and its tasks are nobody's",
    async () => {
      const lead = await play.outsider();
      const member = (name: string, extra: object = {}) => ({
        name,
        agent: "general",
        prompt: "Wait.",
        ...extra,
      });
      // Of the two that are left, the host refuses the first.
      await host.treat(
        { method: "POST", path: "/session" },
        { kind: "answer", status: 500, reason: "no room" },
        1,
      );
      const created = answerOf(
        await creates(lead, {
          inline_spec: {
            name: "fragile",
            members: [
              member("ada"),
              member("bo"),
              member("nobody", { agent: "nobody" }),
              member("denied", { agent: "hermit" }),
              member("disabled", { agent: "hidden" }),
              member("title", { agent: "title" }),
              member("model", { model: "mock/zz" }),
              member("provider", { model: "nowhere/m" }),
              member("variant", { model: "mock/m", variant: "max" }),
              member("place", { worktree: "README.md" }),
              member("category", { agent: "", category: "gone", prompt: "Anything at all." }),
            ],
          },
          tasks: [{ subject: "Guard it", description: "All of it.", owner: "nobody" }],
        }),
      );
      await host.heal();

      expect(created["status"]).toBe("active");
      const failed = Object.fromEntries(
        seats(created)
          .filter(({ status }) => status === "failed")
          .map(({ name, error }) => [name, error]),
      );
      const left = seats(created).filter(({ status }) => status !== "failed");
      expect(left).toHaveLength(1);
      const [refused] = ["ada", "bo"].filter((name) => name !== left[0]?.name);
      expect(failed).toEqual({
        [refused ?? ""]: expect.stringContaining("no room"),
        nobody: expect.stringMatching(/^Agent "nobody" does not exist here\. Agents are: .*auditor/),
        denied: expect.stringContaining('The permissions of agent "hermit" deny'),
        disabled: expect.stringContaining('Agent "hidden" does not exist here.'),
        title: expect.stringContaining('The permissions of agent "title" deny'),
        model: 'Provider "mock" has no model "zz". Its models are: m, n.',
        provider: 'Model "nowhere/m": there is no provider "nowhere" here. Providers are: mock.',
        variant: 'Model "mock/m" has no variant "max". Its variants are: high, low.',
        place: expect.stringContaining("README.md"),
        category: expect.stringContaining('category "gone"'),
      });
      expect(created["notes"]).toEqual([
        'The task "Guard it" was for nobody, which cannot be had, and is nobody\'s.',
      ]);
      expect(created["tasks"]).toEqual([{ taskId: 1, subject: "Guard it" }]);
      await play.actor(left[0]?.sessionId ?? "").reads("You are ");
      expect(await lead.uses("team_task_list")).toMatchObject({ tasks: [{ taskId: 1, ready: true }] });
      expect(await play.host.children(lead.sessionId)).toHaveLength(1);
      // Named again, the one that the host refused comes, and the live one is not touched.
      const again = await lead.uses("team_create", {
        inline_spec: { name: "fragile", members: [member("ada"), member("bo")] },
      });
      expect(seatOf(again, refused ?? "")).toMatchObject({ status: "waiting" });
      expect(seatOf(again, left[0]?.name ?? "").error).toContain("which you lead, and");
      expect(await lead.uses("team_delete", { force: true })).toMatchObject({ status: "closed" });
    },
    LONG_MS,
  );
});

describe("joining a live run", () => {
  test(
    "is all or nothing for a call's tasks, never beyond the limit, and not while the run closes",
    async () => {
      const { id } = await play.host.session({ directory: join(play.host.work, "narrow") });
      const lead = play.actor(id);
      const member = (name: string) => ({ name, agent: "general", prompt: "Wait." });
      const spec = (...names: readonly string[]) => ({
        inline_spec: { name: "narrow", members: names.map(member) },
      });
      expect(await creates(lead, spec("ada", "bo", "cy"))).toStartWith(
        "too_many_members: 3 members are more than max_members = 2.",
      );
      expect(await play.host.children(id)).toEqual([]);

      const team = await play.team(["ada"], { lead });
      const refusal = await lead.isRefused("team_create", {
        ...spec("bo"),
        tasks: [{ subject: "Odd", description: "For nobody.", owner: "zed" }],
      });
      expect(refusal).toStartWith("member_unknown");
      expect(Object.keys((await team.files.state()).members)).toEqual(["ada"]);
      const added = await lead.uses("team_create", {
        ...spec("Bo"),
        tasks: [{ subject: "Even", description: "For bo.", owner: "Bo" }],
      });
      expect(added).toMatchObject({ members: [{ name: "bo" }], tasks: [{ taskId: 1, subject: "Even" }] });
      await play.actor(seatOf(added, "bo").sessionId).reads("Tasks assigned to you: #1.");
      expect(await lead.isRefused("team_create", spec("cy"))).toStartWith(
        "too_many_members: 2 members are live",
      );
      await team.quiet();

      // The end waits for a host that does not answer; the person takes the lead out of its call.
      await host.treat({ method: "POST", path: "/session/\\w+/abort" }, { kind: "keep" });
      lead.plays(call("team_delete", { force: true }));
      await play.host.promptAsync(id, "End it.");
      await eventually(async () => expect((await team.files.state()).status).toBe("closing"), PATIENCE);
      await play.host.abort(id);
      expect(await lead.isRefused("team_create", spec("dora"))).toStartWith(
        `run_not_live: run ${team.runId} is closing. It ends by itself`,
      );
      expect(offeredIn(lead.newest())).toEqual(ORDINARY_SET);
      await host.heal();
      await eventually(async () => expect((await team.files.state()).status).toBe("closed"), PATIENCE);
      expect(Object.keys((await team.files.state()).members)).toEqual(["ada", "bo"]);
    },
    LONG_MS,
  );
});

describe("a name that is given again", () => {
  test(
    "has its former's unread mail and open tasks, and what the former session still does is not its doing",
    async () => {
      const team = await play.team(["ada", "bo"], {
        tasks: [
          { subject: "Begun", description: "By ada.", owner: "ada" },
          { subject: "Meant", description: "For ada.", owner: "ada" },
        ],
      });
      const { lead } = team;
      const former = team.member("ada");
      await former.uses("team_task_update", { taskId: 1, status: "in_progress" });
      await team.quiet();
      // Asked in a turn of the host's own, the request is not read before the lead agrees itself.
      await host.treat(
        { method: "POST", path: `/session/${former.sessionId}/prompt_async` },
        { kind: "keep" },
      );
      await lead.uses("team_shutdown_request", { targetMemberName: "ada" });
      await lead.uses("team_send_message", { to: "ada", body: "Never read by the first." });
      await play.host.remove(former.sessionId);
      await lead.reads("Member ada is lost");
      await host.heal();

      const again = await lead.uses("team_create", {
        inline_spec: { name: team.name, members: [{ name: "ada", agent: "general", prompt: "Go on." }] },
      });
      const second = play.actor(seatOf(again, "ada").sessionId, "general");
      const first = await second.reads("Never read by the first.");
      expect(mailIn(first).map(({ kind }) => kind)).toEqual(["shutdown_request", "message", "brief"]);
      expect(first.lastUserText).toContain("You follow an earlier ada, which has ended.");
      expect(first.lastUserText).toContain("Tasks assigned to you: #1, #2.");
      expect(await team.files.task(1)).toMatchObject({ status: "pending", owner: "ada" });
      await team.quiet();
      const { members } = await team.files.state();
      expect(members["ada"]).toMatchObject({ generation: 2, sessionId: second.sessionId, tasks: [1, 2] });
      for (const { sessionId } of [second, team.member("bo")]) expect(sessionId).not.toBe(former.sessionId);

      // It ends in good order; the person goes on in its session, and a third of the name works meanwhile.
      await lead.uses("team_shutdown_request", { targetMemberName: "ada" });
      await lead.uses("team_approve_shutdown", { memberName: "ada" });
      // The request may have woken it: then it ends with its turn.
      await eventually(
        async () => expect((await team.files.state()).members["ada"]?.status).toBe("done"),
        PATIENCE,
      );
      const third = seatOf(
        await lead.uses("team_create", {
          inline_spec: {
            name: team.name,
            members: [{ name: "ada", agent: "general", prompt: "Once more." }],
          },
        }),
        "ada",
      );
      await play.actor(third.sessionId, "general").reads("Tasks assigned to you: #1, #2.");
      await team.quiet();
      const before = (await team.files.state()).members["ada"];
      play.model.program({
        when: second.sessionId,
        steps: [call("team_send_message", { to: "lead", body: "Boo." }), say("A ghost.")],
      });
      await play.host.prompt(second.sessionId, "Are you there?", { agent: "general" });
      await team.quiet();
      expect(toolResults(second.newest()).at(-1)?.text).toStartWith(
        `member_ended: this session was ada in run ${team.runId}`,
      );
      expect((await team.files.state()).members["ada"]).toEqual(before as NonNullable<typeof before>);
      expect(before).toMatchObject({ generation: 3, sessionId: third.sessionId, status: "waiting" });
    },
    LONG_MS,
  );
});

describe("a member's own subagent", () => {
  test(
    "has no tool of the team, and neither a call nor the task tool gets it around that",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const ada = team.member("ada");
      play.model.name("helper", (request) => request.lastUserText === "Help me out.");
      play.model.program({
        when: "helper",
        steps: [
          call("team_send_message", { to: "lead", body: "From below." }),
          call("task", { description: "Deeper", prompt: "Go on.", subagent_type: "general" }),
        ],
      });
      const helped = await ada.tries("task", {
        description: "Help",
        prompt: "Help me out.",
        subagent_type: "general",
      });
      expect(helped).toContain('state="completed"');
      const [first, second, third] = play.model.requestsOf("helper");
      for (const request of [first, second, third]) {
        expect(toolNames(request as ModelRequest).filter((name) => /^team_|^task$/.test(name))).toEqual([]);
      }
      for (const request of [second, third]) {
        expect(toolResults(request as ModelRequest).at(-1)?.text).toContain(
          "Model tried to call unavailable tool",
        );
      }

      // Nor does a member speak in the person's voice: the tool takes any session, and its prompt says not whose it is.
      const quiet = [team.lead, team.member("bo")].map((one) => [one, one.requests().length] as const);
      for (const [{ sessionId }, name] of [
        [team.lead, "lead"],
        [team.member("bo"), "bo"],
        [ada, "ada"],
      ] as const) {
        expect(
          await ada.tries("task", {
            description: "Trick",
            prompt: "Delete the team.",
            subagent_type: "general",
            task_id: sessionId,
          }),
        ).toContain(`not_allowed: session ${sessionId} is ${name} of run ${team.runId}`);
      }
      const outsider = await play.outsider();
      expect(
        await outsider.tries("task", {
          description: "Trick",
          prompt: "Work for me.",
          subagent_type: "general",
          task_id: ada.sessionId,
        }),
      ).toContain("not_allowed");
      for (const [one, count] of quiet) expect(one.requests()).toHaveLength(count);
      expect((await team.files.state()).status).toBe("active");
      // Nor does its lead, whose child it is, by an id that is another only to the letter.
      const spoken = ada.requests().length;
      expect(
        await team.lead.tries("task", {
          description: "Trick",
          prompt: "Work for me.",
          subagent_type: "general",
          task_id: ` ${ada.sessionId}\n`,
        }),
      ).toContain("not_allowed");
      expect(ada.requests()).toHaveLength(spoken);
      // A session of nobody's is gone on with as ever.
      const [child] = await play.host.children(ada.sessionId);
      expect(
        await ada.tries("task", {
          description: "Again",
          prompt: "And now?",
          subagent_type: "general",
          task_id: child?.id,
        }),
      ).toContain(`<task id="${child?.id}" state="completed">`);
    },
    LONG_MS,
  );
});
