import { describe, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openBench } from "../support/bench.ts";
import type { Host } from "../support/host.ts";
import { call } from "../support/model-replies.ts";
import type { ModelRequest } from "../support/model-request.ts";
import { offeredIn } from "./offered.ts";
import { type Actor, stage, TEST_TIMEOUT_MS } from "./stage.ts";

const play = stage({
  config: {
    subagent_depth: 2,
    agent: { helping: { mode: "subagent", description: "Helps." } },
  },
});

const MEMBER = "# Your part in a team";
const LEAD = "# The team that you lead";

/** A user's own prompt for compactions; the scripted model tells a compaction by its last words. */
const OWN_SUMMARY = "You are a terse context summarization agent.";

/** What flotilla has added to a system prompt: it stands last. */
function sectionOf({ system }: ModelRequest): string {
  const at = Math.max(system.indexOf(MEMBER), system.indexOf(LEAD));
  return at < 0 ? "" : system.slice(at);
}

function sections(requests: readonly ModelRequest[]): readonly string[] {
  return [...new Set(requests.map(sectionOf))];
}

async function summarize(host: Host, { sessionId }: Actor): Promise<void> {
  await host.call("POST", `/session/${sessionId}/summarize`, { body: { providerID: "mock", modelID: "m" } });
}

describe("the system prompt", () => {
  test(
    "of a member says its part, the same bytes in every turn, behind a compaction and after a restart",
    async () => {
      const team = await play.team(["ada", "bo"], { spec: { description: "To see what happens." } });
      const ada = team.member("ada");
      await ada.tries("team_task_list");
      await team.lead.uses("team_create", {
        inline_spec: { members: [{ name: "cy", subagent_type: "general", prompt: "Wait for mail, cy." }] },
      });
      await team.lead.uses("team_shutdown_request", { targetMemberName: "bo" });
      await team.quiet();
      await summarize(play.host, ada);
      await ada.acts();
      const file = join(play.host.work, "opencode.json");
      const config = JSON.parse(await readFile(file, "utf8"));
      config.agent.compaction = { prompt: OWN_SUMMARY };
      await writeFile(file, JSON.stringify(config));
      await play.host.restart();
      await ada.acts();
      await summarize(play.host, ada);

      const turns = ada.requests().filter(({ kind }) => kind === "turn");
      expect(turns.length).toBeGreaterThanOrEqual(5);
      const [section = "", ...others] = sections(turns);
      expect(others).toEqual([]);
      expect(section).toStartWith(MEMBER);
      expect(section).toContain(`You are ada (general), a member of the team "${team.name}".`);
      expect(section).toContain("Its purpose: To see what happens.");
      expect(section).toContain("the other members were bo (general)");
      // The summary of its history is the host's own affair, by whatever prompt.
      const summaries = ada.requests().filter(({ kind }) => kind === "compaction");
      expect(summaries.map(sectionOf)).toEqual(["", ""]);
      expect(summaries.map(({ system }) => system.startsWith(OWN_SUMMARY))).toEqual([false, true]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "of a lead says how to lead from the step after team_create on, and no more when the team is gone",
    async () => {
      // Without a title of ours the host asks the model for one.
      const query = { directory: play.host.work };
      const lead = play.actor(
        (await play.host.call<{ id: string }>("POST", "/session", { query, body: {} })).id,
      );
      const spec = {
        name: "duo",
        lead: { prompt: "Answer in French." },
        members: [{ name: "ada", subagent_type: "general" }],
      };
      await lead.hears("Form a team.", call("team_create", { inline_spec: spec }));
      const [before, after] = lead.requests();
      expect(sectionOf(before as ModelRequest)).toBe("");
      expect(sectionOf(after as ModelRequest)).toStartWith(LEAD);
      expect(sectionOf(after as ModelRequest)).toContain("Answer in French.");
      const titles = play.model.requests.filter(
        ({ kind, sessionId }) => kind === "title" && sessionId === lead.sessionId,
      );
      expect(titles.map(sectionOf)).toEqual([""]);
      await lead.uses("team_status");
      expect(sections(lead.requests().slice(1))).toHaveLength(1);
      await lead.uses("team_delete", { force: true });
      await lead.acts();
      expect(sectionOf(lead.newest())).toBe("");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "of a participant's subagents says nothing of a team",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      for (const actor of [ada, team.lead])
        await actor.acts(call("task", { description: "Help", prompt: "Help me.", subagent_type: "helping" }));
      const helped = play.model.requests.filter(({ lastUserText }) => lastUserText === "Help me.");
      expect(helped.map(({ parentSessionId }) => parentSessionId)).toEqual([
        ada.sessionId,
        team.lead.sessionId,
      ]);
      expect(sections(helped)).toEqual([""]);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("what comes with the plugin", () => {
  test(
    "is a command that has the session lead a team: it offers the tools before its turn starts",
    async () => {
      const outsider = await play.outsider();
      await outsider.hears("Good morning.");
      expect(offeredIn(outsider.newest())).toEqual(["team_create", "team_list"]);
      await play.host.call("POST", `/session/${outsider.sessionId}/command`, {
        body: { command: "team", arguments: "Map the parser." },
      });
      expect(outsider.newest().lastUserText).toContain("Form a team of agents and lead it.");
      expect(outsider.newest().lastUserText).toContain("Map the parser.");
      expect(offeredIn(outsider.newest())).toHaveLength(12);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is a skill, and that is all that a session of no team is told",
    async () => {
      await using bench = await openBench({ teamMode: { enabled: true } });
      const { host, model } = bench;
      const system = async (): Promise<string> => {
        const { id } = await host.session();
        await host.prompt(id, "Good morning.");
        return model.requestsOf(id)[0]?.system ?? "";
      };
      const enabled = await system();
      const skills = await host.call<{ name: string; content: string }[]>("GET", "/skill", {
        query: { directory: host.work },
      });
      expect(skills.find(({ name }) => name === "team-mode")?.content).toContain("# Leading a team");

      const config = join(host.work, "opencode.json");
      const { plugin: _plugin, team_mode: _section, ...rest } = JSON.parse(await readFile(config, "utf8"));
      await writeFile(config, JSON.stringify(rest));
      await host.restart();
      const bare = await system();
      expect(bare).not.toContain("team");
      expect(enabled.replace(/ {2}<skill>\n {4}<name>team-mode<\/name>.*?<\/skill>\n/s, "")).toBe(bare);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "gives way to a command and a skill of the user's own",
    async () => {
      await using bench = await openBench({
        teamMode: { enabled: true },
        files: {
          ".opencode/command/team.md": "---\ndescription: Mine.\n---\nMy own words: $ARGUMENTS",
          ".opencode/skill/team-mode/SKILL.md": "---\nname: team-mode\ndescription: Mine.\n---\nMy own.",
        },
      });
      const { host } = bench;
      const query = { directory: host.work };
      const [commands, skills] = await Promise.all(
        ["/command", "/skill"].map((path) =>
          host.call<{ name: string; description: string }[]>("GET", path, { query }),
        ),
      );
      expect(commands?.filter(({ name }) => name === "team")).toMatchObject([{ description: "Mine." }]);
      expect(skills?.filter(({ name }) => name === "team-mode")).toMatchObject([{ description: "Mine." }]);
    },
    TEST_TIMEOUT_MS,
  );
});
