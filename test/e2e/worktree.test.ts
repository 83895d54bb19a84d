import { describe, expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { access, chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { eventually } from "../support/eventually.ts";
import { call } from "../support/model-replies.ts";
import { bodiesIn } from "./envelopes.ts";
import { baseDirOf, runFolder } from "./run-folder.ts";
import { type Actor, type Answer, answerOf, stage, TEST_TIMEOUT_MS } from "./stage.ts";

const play = stage({ files: { ".gitignore": "*.log\n" } });

/** Git as a person uses it, in the main checkout or in a worktree. */
async function git(args: readonly string[], directory = play.host.work): Promise<string> {
  const { stdout } = await promisify(execFile)("git", args, { cwd: directory, env: play.host.ground.env });
  return stdout.trim();
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function placeOf(runId: string, member: string): string {
  return join(play.baseDir, "worktrees", runId, member);
}

/** A turn in which the actor's model runs the command; what it was sent back. */
function bash(actor: Actor, command: string): Promise<string> {
  return actor.tries("bash", { command, description: "as the test wants it" });
}

/** One call of `team_create` by a session that leads nothing yet, as the model is answered. */
async function forms(lead: Actor, members: readonly unknown[], label?: string): Promise<Answer> {
  const spec = { name: "crew", members };
  await lead.hears("Form a team.", call("team_create", { inline_spec: spec, ...(label ? { label } : {}) }));
  return answerOf(lead.results().at(-1) ?? "");
}

function member(name: string, parts: Readonly<Record<string, unknown>> = {}): unknown {
  return { name, subagent_type: "general", prompt: `Wait for mail, ${name}.`, ...parts };
}

/** A hook of the repository that says when it has begun and goes on when it may; the first time only. */
async function holdingHook(
  name: string,
  when = "true",
): Promise<{ begun(): Promise<void>; letGo(): Promise<void> }> {
  const folder = join(play.host.ground.path, `hook-${name}`);
  const hook = join(play.host.work, ".git", "hooks", name);
  await mkdir(folder, { recursive: true });
  const script = [
    "#!/bin/sh",
    `if ${when} && mkdir '${folder}/begun' 2>/dev/null; then`,
    `  while [ ! -e '${folder}/go' ]; do sleep 0.05; done`,
    "fi",
  ];
  await writeFile(hook, `${script.join("\n")}\n`);
  await chmod(hook, 0o755);
  return {
    begun: () =>
      eventually(async () => expect(await isThere(join(folder, "begun"))).toBe(true), { timeoutMs: 20_000 }),
    async letGo() {
      await writeFile(join(folder, "go"), "");
      await rm(hook);
    },
  };
}

/** Starts the host again; the first request for the directory starts the plugin. */
async function restart(): Promise<void> {
  await play.host.restart();
  await play.host.session();
}

const OWN = { worktree: true } as const;

describe("a member with a worktree of its own", () => {
  test(
    "works there, on a branch of its own, and mail goes both ways",
    async () => {
      const team = await play.team({ ada: OWN });
      const ada = team.member("ada");
      const place = placeOf(team.runId, "ada");
      expect(await play.host.find(ada.sessionId)).toMatchObject({
        directory: place,
        parentID: team.lead.sessionId,
      });
      expect(ada.newest().system).toContain(
        `You work in a git worktree of your own, ${place}, on branch team/${team.name}/ada, which starts from main.`,
      );

      expect(await bash(ada, "pwd")).toContain(place);
      await bash(ada, "echo new > made.txt && git add made.txt && git commit -qm Make");
      expect(await git(["log", "-1", "--format=%s", `team/${team.name}/ada`])).toBe("Make");
      expect(await isThere(join(play.host.work, "made.txt"))).toBe(false);
      expect(await git(["status", "--porcelain"])).toBe("");

      await ada.uses("team_send_message", { to: "lead", body: "It is made." });
      await team.lead.reads("It is made.");
      await team.lead.uses("team_send_message", { to: "ada", body: "Thank you." });
      expect(bodiesIn(await ada.reads("Thank you."))).toEqual(["Thank you."]);
      await team.quiet();
      const standing = { name: "ada", worktree: place, branch: `team/${team.name}/ada` };
      expect(await team.lead.uses("team_status")).toMatchObject({
        members: [{ ...standing, holds: ["1 commit not merged into main"] }],
      });

      await git(["merge", "-q", `team/${team.name}/ada`]);
      expect(await team.lead.uses("team_delete")).toMatchObject({
        worktrees: [{ member: "ada", path: place, outcome: "removed" }],
      });
      expect(await isThere(place)).toBe(false);
      await play.host.event(
        ({ type, properties }) =>
          type === "server.instance.disposed" && (properties as { directory?: string }).directory === place,
      );
      expect(await git(["branch", "--list", "team/*"])).toBe("");
      expect(await git(["worktree", "list"])).not.toContain("ada");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "asks before it reaches into the main checkout, and its request is seen and answered there",
    async () => {
      const team = await play.team({ ada: OWN });
      const ada = team.member("ada");
      const directory = placeOf(team.runId, "ada");
      ada.plays(call("read", { filePath: join(play.host.work, "README.md") }));
      await play.host.promptAsync(ada.sessionId, "Read it.", { agent: ada.agent });
      const gate = await eventually(
        async () => {
          const { status, gates } = (await team.files.state()).members["ada"] ?? {};
          expect(status).toBe("needs_approval");
          return gates?.[0];
        },
        { timeoutMs: 20_000 },
      );
      expect(gate).toMatchObject({ kind: "permission", subject: "external_directory" });
      const body = { reply: "once" };
      await play.host.call("POST", `/permission/${gate?.requestId}/reply`, { query: { directory }, body });
      await team.quiet();
      expect(ada.results().at(-1)).toContain("# A small project");
      await team.lead.uses("team_delete");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "loses nothing when its team is deleted: what is not merged or not committed is kept and told",
    async () => {
      const team = await play.team({ ada: OWN, bo: OWN, cy: OWN }, { spec: {} });
      const at = (name: string, file: string): string => join(placeOf(team.runId, name), file);
      await bash(team.member("ada"), "echo draft > draft.txt && echo log > made.log");
      await bash(team.member("bo"), "git commit -q --allow-empty -m Work");
      await team.quiet();

      const answer = await team.lead.uses("team_delete");
      expect(answer).toMatchObject({
        status: "closed",
        worktrees: [
          { member: "ada", outcome: "kept", reason: "uncommitted: draft.txt; ignored by git: made.log" },
          { member: "bo", outcome: "kept", reason: "1 commit not merged into main" },
          { member: "cy", outcome: "removed" },
        ],
        next: expect.stringContaining("which worktrees are kept"),
      });
      expect(await readFile(at("ada", "draft.txt"), "utf8")).toBe("draft\n");
      expect(await readFile(at("ada", "made.log"), "utf8")).toBe("log\n");
      expect(await isThere(placeOf(team.runId, "cy"))).toBe(false);
      const branches = await git(["branch", "--list", "--format=%(refname:short)", `team/${team.name}/*`]);
      expect(branches.split("\n")).toEqual([`team/${team.name}/ada`, `team/${team.name}/bo`]);
      expect((await team.files.journal()).map(({ event }) => event)).toContain("worktree_kept");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is named after the run's label, and lies where the spec says",
    async () => {
      const lead = await play.outsider();
      const path = join(play.host.ground.path, "a place of mine", "ada");
      const answer = await forms(lead, [member("ada", { worktree: path })], "Über Ziel: v2.lock");
      expect(answer["members"]).toMatchObject([
        { name: "ada", status: "waiting", worktree: path, branch: "team/Über-Ziel-v2/ada" },
      ]);
      expect(await git(["branch", "--show-current"], path)).toBe("team/Über-Ziel-v2/ada");
      expect(await lead.uses("team_delete", { force: true })).toMatchObject({
        worktrees: [{ outcome: "removed" }],
      });
      expect(await isThere(path)).toBe(false);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is refused alone where none can be made, and the others start",
    async () => {
      const lead = await play.outsider();
      const members = [member("ada", { worktree: play.host.home }), member("bo")];
      const answer = await forms(lead, members);
      expect(answer["members"]).toMatchObject([
        { name: "bo", status: "waiting" },
        { name: "ada", status: "failed", error: expect.stringContaining(`${play.host.home} exists already`) },
      ]);
      await lead.uses("team_delete", { force: true });

      const outside = join(play.host.ground.path, "outside");
      await mkdir(outside);
      await writeFile(
        join(outside, "opencode.json"),
        await readFile(join(play.host.work, "opencode.json"), "utf8"),
      );
      const other = play.actor((await play.host.session({ directory: outside })).id);
      expect((await forms(other, [member("ada", OWN), member("bo")]))["members"]).toMatchObject([
        { name: "bo", status: "waiting" },
        { name: "ada", status: "failed", error: expect.stringContaining("is in no git repository") },
      ]);
      await other.uses("team_delete", { force: true });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "goes on in it when its name comes back",
    async () => {
      const team = await play.team({ ada: OWN, bo: {} });
      await bash(team.member("ada"), "echo draft > draft.txt");
      await team.quiet();
      await team.lead.uses("team_shutdown_request", { targetMemberName: "ada" });
      await team.lead.uses("team_approve_shutdown", { memberName: "ada" });
      const again = await team.lead.uses("team_create", {
        inline_spec: { name: team.name, members: [member("ada", OWN)] },
      });
      const [seat] = again["members"] as readonly { sessionId: string; worktree: string }[];
      expect(seat?.worktree).toBe(placeOf(team.runId, "ada"));
      expect(seat?.sessionId).not.toBe(team.member("ada").sessionId);
      expect(await bash(play.actor(seat?.sessionId ?? "", "general"), "cat draft.txt")).toContain("draft");
      expect(await team.lead.uses("team_delete", { force: true })).toMatchObject({
        worktrees: [{ member: "ada", outcome: "kept", reason: "uncommitted: draft.txt" }],
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "has the lead's options, whatever is committed there",
    async () => {
      const path = join(play.host.work, "opencode.json");
      const own = await readFile(path, "utf8");
      const config = JSON.parse(own) as Record<string, unknown>;
      await writeFile(path, JSON.stringify({ ...config, team_mode: { enabled: false, base_dir: "./here" } }));
      await git(["commit", "-qam", "Switch it off"]);
      await writeFile(path, own);
      const team = await play.team({ ada: OWN });
      await team.member("ada").uses("team_send_message", { to: "lead", body: "I am in the same team." });
      await team.lead.reads("I am in the same team.");
      await git(["commit", "-qam", "Switch it on"]);
      await team.quiet();
      expect(await team.lead.uses("team_delete")).toMatchObject({ worktrees: [{ outcome: "removed" }] });
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a host that is killed with kill -9", () => {
  test(
    "finds members' worktrees again when it is started, with all that is in them",
    async () => {
      const team = await play.team({ ada: OWN });
      const ada = team.member("ada");
      await bash(ada, "echo draft > draft.txt");
      await team.quiet();
      await play.host.kill9();
      await restart();
      await team.lead.uses("team_send_message", { to: "ada", body: "Where are you?" });
      await ada.reads("Where are you?");
      await team.quiet();
      expect(await bash(ada, "pwd; cat draft.txt")).toContain(`${placeOf(team.runId, "ada")}\ndraft`);
    },
    2 * TEST_TIMEOUT_MS,
  );

  test(
    "between the making of a worktree and the commit that tells of it goes on with that worktree",
    async () => {
      const hook = await holdingHook("post-checkout");
      const lead = await play.outsider();
      play.model.program({
        when: lead.sessionId,
        steps: [call("team_create", { inline_spec: { name: "cut", members: [member("ada", OWN)] } })],
      });
      await play.host.promptAsync(lead.sessionId, "Form a team.");
      await hook.begun();
      await play.host.kill9();
      await hook.letGo();
      // One line each: path, commit, branch.
      const made = (await git(["worktree", "list"]))
        .split("\n")
        .find((line) => line.includes("[team/cut/ada]"));
      const runId = /(run_\w+)\/ada /.exec(made ?? "")?.[1] ?? "";
      await restart();
      const files = runFolder(baseDirOf(play.host.home), runId);
      await eventually(
        async () => expect((await files.state()).members["ada"]).toMatchObject({ status: "waiting" }),
        { timeoutMs: 20_000 },
      );
      const { sessionId, directory, worktree } = (await files.state()).members["ada"] ?? {};
      expect(directory).toBe(placeOf(runId, "ada"));
      expect(worktree).toMatchObject({ path: placeOf(runId, "ada"), branch: "team/cut/ada", made: true });
      expect(await bash(play.actor(sessionId ?? "", "general"), "pwd")).toContain(placeOf(runId, "ada"));
      await lead.uses("team_delete", { force: true });
      expect(await isThere(placeOf(runId, "ada"))).toBe(false);
    },
    2 * TEST_TIMEOUT_MS,
  );

  test(
    "in the middle of a deletion finishes it when it is started",
    async () => {
      const team = await play.team({ ada: OWN, bo: OWN });
      await bash(team.member("bo"), "echo draft > draft.txt");
      await team.quiet();
      const hook = await holdingHook("reference-transaction", '[ "$1" = prepared ]');
      team.lead.plays(call("team_delete"));
      await play.host.promptAsync(team.lead.sessionId, "Delete it.");
      await hook.begun();
      await play.host.kill9();
      await hook.letGo();
      await restart();
      await eventually(async () => expect(await isThere(team.files.archivePath)).toBe(true), {
        timeoutMs: 20_000,
      });
      expect((await team.files.state()).members).toMatchObject({
        ada: { worktree: { end: { outcome: "removed" } } },
        bo: { worktree: { end: { outcome: "kept", reason: "uncommitted: draft.txt" } } },
      });
      expect(await isThere(placeOf(team.runId, "ada"))).toBe(false);
      expect(await git(["branch", "--list", `team/${team.name}/ada`])).toBe("");
      expect(await readFile(join(placeOf(team.runId, "bo"), "draft.txt"), "utf8")).toBe("draft\n");
    },
    2 * TEST_TIMEOUT_MS,
  );
});

describe("a worktree in which the plugin is not loaded, because git does not track opencode.json", () => {
  const bare = stage({ files: { ".gitignore": "opencode.json\n" } });

  test(
    "is refused to its member with the way out, and nothing of it is left",
    async () => {
      const lead = await bare.outsider();
      const { work } = bare.host;
      const answer = await forms(lead, [member("ada", OWN), member("bo")]);
      expect(answer["members"]).toMatchObject([
        {
          name: "ada",
          status: "failed",
          error: expect.stringMatching(
            /not loaded in the worktree .*\. Commit opencode\.json or install the plugin globally/,
          ),
        },
        { name: "bo", status: "waiting" },
      ]);
      expect((await bare.host.children(lead.sessionId)).map(({ title }) => title)).toEqual(["crew: bo"]);
      expect(await git(["worktree", "list", "--porcelain"], work)).not.toContain("ada");
      expect(await git(["branch", "--list", "team/*"], work)).toBe("");
      expect(await isThere(join(bare.baseDir, "worktrees"))).toBe(false);

      const files = runFolder(bare.baseDir, String(answer["runId"]));
      const at = async (event: string, name: string): Promise<number> =>
        Number(
          (await files.journal()).find((line) => line["event"] === event && line["member"] === name)?.["at"],
        );
      // The five seconds count from the moment at which the worktree is there.
      const tookMs = (await at("member_failed", "ada")) - (await at("member_added", "ada"));
      expect(tookMs).toBeLessThan(20_000);
      await lead.uses("team_delete", { force: true });
    },
    TEST_TIMEOUT_MS,
  );
});
