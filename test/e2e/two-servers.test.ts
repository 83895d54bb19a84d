import { describe, expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Bench, openBench } from "../support/bench.ts";
import { eventually } from "../support/eventually.ts";
import type { Host } from "../support/host.ts";
import { call, calls, gate, hang, once, say } from "../support/model-replies.ts";
import { type ModelRequest, mentions } from "../support/model-request.ts";
import { baseDirOf, type RunFolder, runFolder } from "./run-folder.ts";
import { SILENCE } from "./stage.ts";

/**
 * Two OpenCode processes on one home: they share the host's database and our files, and see nothing of each other's
 * running turns.
 */
const TIMEOUT_MS = 240_000;

interface Crew {
  readonly lead: string;
  readonly ada: string;
  readonly files: RunFolder;
}

/** A run of ada, led by a session of that host, whose members say nothing of their own accord. */
async function crew({ host, model }: Bench, on: Host = host, directory: string = host.work): Promise<Crew> {
  model.script((request) => (request.kind === "turn" ? SILENCE : undefined));
  const before = new Set(await runs(host));
  const { id: lead } = await on.session({ directory });
  const members = [{ name: "ada", subagent_type: "general", prompt: "You are ADA." }];
  model.program({
    when: lead,
    steps: [call("team_create", { inline_spec: { name: "pair", members } }), SILENCE],
  });
  await on.prompt(lead, "Make a team of one.");
  const [ada] = await on.children(lead);
  const runId = (await runs(host)).find((run) => !before.has(run));
  if (!ada || !runId) throw new Error("no run was made");
  const files = runFolder(baseDirOf(host.home), runId);
  await eventually(async () => expect((await files.inbox("ada")).processed).toHaveLength(1));
  return { lead, ada: ada.id, files };
}

async function runs(host: Host): Promise<readonly string[]> {
  return readdir(join(baseDirOf(host.home), "runs")).catch(() => []);
}

interface Owner {
  readonly pid: number;
  readonly takenAt: number;
}

async function owner({ files }: Crew): Promise<Owner> {
  return JSON.parse(await readFile(join(files.path, "owner.json"), "utf8")) as Owner;
}

function ownedBy(team: Crew, host: Host): Promise<Owner> {
  return eventually(async () => {
    const now = await owner(team);
    expect(now.pid).toBe(host.pid);
    return now;
  });
}

/** Has the lead send these in one turn that runs in that process. */
async function sends({ model }: Bench, on: Host, { lead }: Crew, bodies: readonly string[]): Promise<void> {
  model.program({
    when: lead,
    steps: [calls(bodies.map((body) => ["team_send_message", { to: "ada", body }] as const)), SILENCE],
  });
  await on.prompt(lead, `Send ${bodies.length} orders.`);
}

function allSettled({ files }: Crew, messages: number): Promise<void> {
  return eventually(
    async () => {
      expect((await files.inbox("ada")).processed).toHaveLength(messages);
      expect(await files.waitingMail(["ada"])).toEqual([]);
    },
    { timeoutMs: 30_000 },
  );
}

function heldBy(request: ModelRequest, texts: readonly string[]): number {
  return texts.filter((text) => mentions(request, text) > 0).length;
}

/** Requests that held none of the texts that the one before had not: what they ended with. */
function withoutNews(requests: readonly ModelRequest[], texts: readonly string[]): readonly string[] {
  const held = requests.map((request) => heldBy(request, texts));
  return requests
    .filter((_, at) => at > 0 && held[at] === held[at - 1])
    .map((request) => request.lastUserText.slice(-300));
}

describe("two servers on one run", () => {
  test(
    "carry 100 messages once and in order, whoever runs their sender, also when the owner is killed half way",
    async () => {
      await using bench = await openBench({ teamMode: { enabled: true } });
      const { model, host } = bench;
      const team = await crew(bench);
      const other = await bench.secondHost();
      const orders = Array.from({ length: 100 }, (_, at) => `order ${at + 1}.`);
      const burst = (number: number): readonly string[] => orders.slice(number * 20, number * 20 + 20);

      await sends(bench, host, team, burst(0));
      await sends(bench, other, team, burst(1));
      await allSettled(team, 41);
      expect((await owner(team)).pid).toBe(host.pid);
      const quiet = model.requestsOf(team.ada).length;
      expect(withoutNews(model.requestsOf(team.ada), orders)).toEqual([]);

      const door = { ...gate(), isOpen: false };
      model.script((request) =>
        request.sessionId === team.ada && !door.isOpen ? once(door, SILENCE) : undefined,
      );
      await sends(bench, other, team, burst(2));
      await model.request((request) => request.sessionId === team.ada && heldBy(request, orders) > 40, {
        what: "a turn that is cut off",
      });
      const killedAt = Date.now();
      const cut = model.requestsOf(team.ada).length - quiet;
      await host.kill9();
      door.isOpen = true;
      const { takenAt } = await ownedBy(team, other);
      for (const number of [3, 4]) await sends(bench, other, team, burst(number));
      await allSettled(team, 101);

      expect(takenAt - killedAt).toBeLessThan(5_000);
      const requests = model.requestsOf(team.ada);
      const last = requests.at(-1) as ModelRequest;
      expect(orders.map((order) => mentions(last, order))).toEqual(orders.map(() => 1));
      const text = last.messages.map((message) => message.text).join("\n");
      expect([...text.matchAll(/order (\d+)\./g)].map((match) => Number(match[1]))).toEqual(
        orders.map((_, at) => at + 1),
      );
      // What was cut off has one turn more, and what was delivered none.
      expect(withoutNews(requests.slice(quiet + cut), orders)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "find the turn that was cut off when the one dies that runs it, though it owns nothing",
    async () => {
      await using bench = await openBench({ teamMode: { enabled: true } });
      const { model, host } = bench;
      const team = await crew(bench);
      const other = await bench.secondHost();
      model.program({ when: team.lead, steps: [hang()] });
      await other.promptAsync(team.lead, "Think about it.");
      await model.request(
        (request) => request.sessionId === team.lead && request.lastUserText.includes("Think about it."),
      );
      await eventually(async () => expect((await team.files.state()).lead.turn).toBeDefined());
      await other.kill9();
      await eventually(async () => expect((await team.files.state()).lead.turn).toBeUndefined());

      expect((await owner(team)).pid).toBe(host.pid);
      model.program({ when: team.ada, steps: [say("I have an idea.")] });
      await sends(bench, host, team, ["Do you have an idea?"]);
      await model.request(
        (request) => request.sessionId === team.lead && mentions(request, "I have an idea.") > 0,
      );
    },
    TIMEOUT_MS,
  );
});

describe("two servers with a run each, in two projects", () => {
  test(
    "leave each other's run alone, until the lead's session is opened in the other's process",
    async () => {
      await using bench = await openBench({ teamMode: { enabled: true } });
      const { model, host } = bench;
      const other = await bench.secondHost();
      const here = await crew(bench);
      const there = await crew(bench, other, await secondProject(host));
      expect((await owner(here)).pid).toBe(host.pid);
      expect((await owner(there)).pid).toBe(other.pid);

      await host.kill9();
      // The second project goes on, and takes no notice.
      await sends(bench, other, there, ["Are you there?"]);
      await allSettled(there, 2);
      expect(mentions(model.requestsOf(there.ada).at(-1) as ModelRequest, "Are you there?")).toBe(1);
      expect((await owner(here)).pid).not.toBe(other.pid);
      expect(await other.status(host.work)).toEqual({});

      await sends(bench, other, here, ["And you?"]);
      await ownedBy(here, other);
      await allSettled(here, 2);
      expect(mentions(model.requestsOf(here.ada).at(-1) as ModelRequest, "And you?")).toBe(1);
      expect(await there.files.state()).toMatchObject({ status: "active", messages: 2 });
    },
    TIMEOUT_MS,
  );
});

/** A repository beside the work tree, with the same configuration. */
async function secondProject({ work, ground }: Host): Promise<string> {
  const path = join(ground.path, "second");
  await mkdir(path);
  await writeFile(join(path, "opencode.json"), await readFile(join(work, "opencode.json")));
  const git = (...args: readonly string[]) =>
    promisify(execFile)("git", args, { cwd: path, env: ground.env });
  await git("init", "-q");
  await git("add", ".");
  await git("commit", "-q", "-m", "The second project");
  return path;
}
