import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { type Bench, type BenchOptions, openBench } from "./bench.ts";
import { sessionOf } from "./event-tap.ts";
import { eventually } from "./eventually.ts";
import { HostAnswer, textOf } from "./host-api.ts";
import {
  after,
  call,
  calls,
  cut,
  fail,
  gate,
  hang,
  once,
  say,
  sayAtLength,
  saying,
} from "./model-replies.ts";
import { mentions, toolNames, toolResults } from "./model-request.ts";
import { isRunning, processesOf } from "./processes.ts";
import { scratch } from "./scratch.ts";

const TEST_TIMEOUT_MS = 60_000;

/** One process for all that does not harm it; a start costs more than ten turns. */
let shared: Promise<Bench> | undefined;
const open: Bench[] = [];

async function sharedBench(): Promise<Bench> {
  shared ??= openBench({ plugin: false });
  const bench = await shared;
  bench.model.unscript();
  return bench;
}

async function ownBench(options: BenchOptions = {}): Promise<Bench> {
  const bench = await openBench({ plugin: false, ...options });
  open.push(bench);
  return bench;
}

afterEach(async () => {
  for (const bench of open.splice(0)) await bench.dispose();
});

describe("a scripted model behind a real host", () => {
  afterAll(async () => {
    const bench = await shared;
    if (bench === undefined) return;
    const { pid, ground } = bench.host;
    await bench.dispose();
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(ground.path)).toBe(false);
  });

  test(
    "an unscripted prompt is answered",
    async () => {
      const { host, model } = await sharedBench();
      const session = await host.session();

      const answer = await host.prompt(session.id, "Anybody there?");

      expect(textOf(answer)).toBe("ok.");
      expect(model.requestsOf(session.id)).toHaveLength(1);
      expect(model.requestsOf(session.id)[0]).toMatchObject({
        kind: "turn",
        model: "m",
        lastUserText: "Anybody there?",
        outcome: "answered",
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a tool call is executed and its result comes back to the model",
    async () => {
      const { host, model } = await sharedBench();
      const session = await host.session();
      model.program({
        when: session.id,
        steps: [
          saying("Let me look.", call("bash", { command: "echo seen-$((40 + 2))", description: "Add" })),
          (request) => say(`The shell says ${request.toolResultsSinceLastUser[0]?.text.trim()}`),
        ],
      });

      const answer = await host.prompt(session.id, "Add for me");

      expect(textOf(answer)).toBe("The shell says seen-42");
      const second = await model.request((request) => request.seq > 1 && toolResults(request).length > 0);
      expect(toolNames(second)).toContain("bash");
      expect(toolResults(second)[0]).toMatchObject({ name: "bash", args: { description: "Add" } });
      expect(mentions(second, "Add for me")).toBe(1);
      expect(mentions(second, "seen-42")).toBe(1);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "several calls in one message are all executed",
    async () => {
      const { host, model } = await sharedBench();
      const session = await host.session();
      model.program({
        when: session.id,
        steps: [
          calls([
            ["bash", { command: "echo one", description: "1" }],
            ["bash", { command: "echo two", description: "2" }],
          ]),
          (request) => say(request.toolResultsSinceLastUser.map((result) => result.text.trim()).join("+")),
        ],
      });

      expect(textOf(await host.prompt(session.id, "Both"))).toBe("one+two");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "usage figures reach the host, the cached part apart",
    async () => {
      const { host, model } = await sharedBench();
      const session = await host.session();
      model.program({
        when: session.id,
        steps: [say("counted", { usage: { inputTokens: 1_000, cachedTokens: 900, outputTokens: 7 } })],
      });

      const { info } = await host.prompt(session.id, "Count");

      expect(info.tokens).toMatchObject({ input: 100, output: 7, cache: { read: 900 } });
      expect(info.cost).toBeGreaterThan(0);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a 400 ends the turn with the body's message, a 429 is tried again",
    async () => {
      const { host, model } = await sharedBench();
      const session = await host.session();
      model.program({
        when: session.id,
        steps: [
          fail(400, { message: "no such thing" }),
          fail(429, { retryAfterSeconds: 0.1 }),
          say("at last"),
        ],
      });

      const refused = await host.prompt(session.id, "First");
      const answered = await host.prompt(session.id, "Second");

      expect(JSON.stringify(refused.info.error)).toContain("no such thing");
      expect(textOf(answered)).toBe("at last");
      expect(model.requestsOf(session.id).map((request) => request.outcome)).toEqual([
        "failed",
        "failed",
        "answered",
      ]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a stream that breaks off is seen as broken by the host",
    async () => {
      const { host, model } = await sharedBench();
      const session = await host.session();
      model.program({ when: session.id, steps: [cut(say(["half ", "a ", "sentence"]), 1), say("whole")] });

      const answer = await host.prompt(session.id, "Speak");

      const [first, ...others] = model.requestsOf(session.id);
      expect(first?.outcome).toBe("cut");
      expect({ text: textOf(answer), others: others.length, error: answer.info.error }).toMatchObject({
        text: expect.stringContaining("whole"),
        others: 1,
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a gate holds a reply until the test opens it",
    async () => {
      const { host, model } = await sharedBench();
      const session = await host.session();
      const door = gate();
      model.program({ when: session.id, steps: [once(door, say("through"))] });

      await host.promptAsync(session.id, "Wait for me");
      const held = await model.request((request) => request.sessionId === session.id);
      expect(held.outcome).toBe("pending");
      expect((await host.status())[session.id]).toMatchObject({ type: "busy" });
      door.open();

      expect(textOf(await host.settled(session.id))).toBe("through");
      expect(held.outcome).toBe("answered");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "an abort hangs up on a model that says nothing",
    async () => {
      const { host, model } = await sharedBench();
      const session = await host.session();
      model.program({ when: session.id, steps: [hang()] });

      await host.promptAsync(session.id, "Hello?");
      const hanging = await model.request((request) => request.sessionId === session.id);
      await host.abort(session.id);

      await eventually(() => expect(hanging.outcome).toBe("left"));
      expect((await host.settled(session.id)).info.error?.name).toBe("MessageAbortedError");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "twenty thousand deltas arrive",
    async () => {
      const { host, model } = await sharedBench();
      const session = await host.session();
      model.program({ when: session.id, steps: [sayAtLength(20_000, { piece: "ab " })] });

      const answer = await host.prompt(session.id, "At length");

      expect(textOf(answer)).toHaveLength(20_000 * "ab ".length);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a title is asked for and answered beside the script",
    async () => {
      const { host, model } = await sharedBench();
      const session = await host.call<{ id: string }>("POST", "/session", {
        query: { directory: host.work },
        body: {},
      });
      model.program({ when: session.id, steps: [after(200, say("scripted"))] });

      expect(textOf(await host.prompt(session.id, "Name yourself"))).toBe("scripted");

      await model.request((request) => request.kind === "title" && request.sessionId === session.id);
      await eventually(async () => expect((await host.find(session.id))?.title).toBe("Scripted title"));
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a named session keeps its name, and its children name their parent",
    async () => {
      const { host, model } = await sharedBench();
      const lead = await host.session();
      const child = await host.session({ parentId: lead.id, title: "child" });
      model.name("lead", lead.id);
      model.name("alice", (request) => request.lastUserText.includes("You are Alice"));

      await host.prompt(child.id, "You are Alice");
      await host.prompt(child.id, "Who are you?");
      await host.prompt(lead.id, "And you?");

      expect(model.requestsOf("alice").map((request) => request.parentSessionId)).toEqual([lead.id, lead.id]);
      expect(model.requestsOf("lead").map((request) => request.lastUserText)).toEqual(["And you?"]);
      expect(await host.children(lead.id)).toMatchObject([{ id: child.id }]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a compaction is told from a turn",
    async () => {
      const { host, model } = await sharedBench();
      const session = await host.session();
      await host.prompt(session.id, "Something to sum up");

      await host.call("POST", `/session/${session.id}/summarize`, {
        body: { providerID: "mock", modelID: "m" },
      });

      await model.request((request) => request.kind === "compaction" && request.sessionId === session.id);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a wait that finds nothing lists what there was",
    async () => {
      const { host, model } = await sharedBench();
      const session = await host.session();
      await host.prompt(session.id, "A very particular question");
      // The answer to a prompt comes before the events of its end: a wait of 50 ms for them would be a race.
      await host.event((event) => event.type === "session.idle" && sessionOf(event) === session.id);

      // Both are listened to at once: what is rejected before anybody listens fails the test by itself.
      const [late, quiet] = await Promise.allSettled([
        model.request(() => false, { timeoutMs: 50, what: "request of Bob's" }),
        host.event(() => false, { timeoutMs: 50 }),
      ]);

      expect(late).toMatchObject({
        status: "rejected",
        reason: {
          message: expect.stringMatching(/no request of Bob's within 50 ms(.|\n)*A very particular question/),
        },
      });
      expect(quiet).toMatchObject({
        status: "rejected",
        reason: { message: expect.stringMatching(/no event within 50 ms(.|\n)*session\.idle/) },
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "an event is found whether it is past or still to come",
    async () => {
      const { host } = await sharedBench();
      const session = await host.session();
      const idle = host.event((event) => event.type === "session.idle" && sessionOf(event) === session.id);
      await host.prompt(session.id, "Go");

      expect(await idle).toBe(
        await host.event((event) => event.type === "session.idle" && sessionOf(event) === session.id),
      );
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "the second model, a variant and another agent can be asked for",
    async () => {
      const { host, model } = await sharedBench();
      const session = await host.session();

      const { info } = await host.prompt(session.id, "Plan", { model: "n", variant: "high", agent: "plan" });

      expect(info).toMatchObject({ modelID: "n", agent: "plan" });
      expect(model.requestsOf(session.id)[0]?.body).toMatchObject({ model: "n", reasoning_effort: "high" });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "an asked permission can be listed and answered",
    async () => {
      const { host, model } = await sharedBench();
      const session = await host.session({
        permission: [{ permission: "bash", pattern: "*", action: "ask" }],
      });
      model.program({
        when: session.id,
        steps: [call("bash", { command: "echo allowed", description: "May I" }), say("done")],
      });

      await host.promptAsync(session.id, "Ask me");
      await host.event((event) => event.type === "permission.asked" && sessionOf(event) === session.id);
      const [asked] = await host.permissions();
      expect(asked).toMatchObject({ sessionID: session.id, permission: "bash" });
      await host.replyPermission(asked?.id ?? "", "once");

      expect(textOf(await host.settled(session.id))).toBe("done");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a refusal of the host names the request, the status and the body",
    async () => {
      const { host } = await sharedBench();
      expect(await host.find("ses_nobody")).toBeUndefined();
      const failure = await host.messages("nobody").catch((cause: unknown) => cause);
      expect(failure).toBeInstanceOf(HostAnswer);
      expect(String(failure)).toMatch(/GET \/session\/nobody\/message answered (4|5)\d\d/);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("the life of a host", () => {
  test(
    "a session survives kill -9 and a start on the same home",
    async () => {
      const { host, model } = await ownBench();
      const session = await host.session({ title: "survivor" });
      await host.prompt(session.id, "Remember this");
      model.program({ when: session.id, steps: [hang(), say("still here")] });
      await host.promptAsync(session.id, "And die");
      const dying = await model.request((request) => request.lastUserText === "And die");
      const killed = host.pid;

      await host.kill9();
      expect(isRunning(killed)).toBe(false);
      await eventually(() => expect(dying.outcome).toBe("left"));
      await host.restart();

      expect(host.pid).not.toBe(killed);
      expect((await host.find(session.id))?.title).toBe("survivor");
      expect(textOf(await host.prompt(session.id, "Well?"))).toBe("still here");
      expect(mentions(model.requestsOf(session.id).at(-1)!, "Remember this")).toBe(1);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "nothing is left after a kill, not even the shell the host was running",
    async () => {
      const bench = await ownBench();
      const { host, model } = bench;
      const session = await host.session();
      model.program({
        when: session.id,
        steps: [call("bash", { command: "echo $$ > pid; sleep 300", description: "Sleep" })],
      });
      await host.promptAsync(session.id, "Sleep");
      const shell = await eventually(async () => {
        const written = await Bun.file(`${host.work}/pid`).text();
        expect(written).toMatch(/^\d+\n$/);
        return Number(written);
      });
      await host.kill9();
      expect(await processesOf(host.ground.path)).toContain(shell);

      await bench.dispose();

      expect(isRunning(shell)).toBe(false);
      expect(await processesOf(host.ground.path)).toEqual([]);
      expect(existsSync(host.ground.path)).toBe(false);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "two hosts run side by side and know nothing of each other",
    async () => {
      const [one, two] = await Promise.all([ownBench(), ownBench({ git: false })]);
      const [first, second] = await Promise.all([one.host.session(), two.host.session()]);

      await Promise.all([one.host.prompt(first.id, "One"), two.host.prompt(second.id, "Two")]);

      expect(await one.host.find(second.id)).toBeUndefined();
      expect(one.model.requests.map((request) => request.lastUserText)).toEqual(["One"]);
      expect(two.model.requests.map((request) => request.lastUserText)).toEqual(["Two"]);
      expect(existsSync(`${two.host.work}/.git`)).toBe(false);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a second process on the same home sees the sessions of the first",
    async () => {
      const bench = await ownBench();
      const session = await bench.host.session({ title: "shared" });
      const other = await bench.secondHost();

      expect(other.url).not.toBe(bench.host.url);
      expect((await other.find(session.id))?.title).toBe("shared");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "opencode run prints the answer and ends with 0",
    async () => {
      const { host, model } = await ownBench({ serve: false, files: { "docs/note.md": "hello" } });
      model.script((request) => (request.lastUserText.includes("one shot") ? say("one answer") : undefined));

      const result = await host.run(["run", "one shot"]);

      expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining("one answer") });
      expect(model.requests.find((request) => request.kind === "turn")?.system).toContain(host.work);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a command that does not end is killed and tells what it had said",
    async () => {
      const { host } = await ownBench({ serve: false });

      await expect(host.run(["serve"], { timeoutMs: 2_000 })).rejects.toThrow(
        /opencode serve was not done after 2000 ms(.|\n)*--- stdout/,
      );
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "opencode run can be watched and killed in the middle of its turn",
    async () => {
      const { host, model } = await ownBench({ serve: false });
      model.script(() => hang());

      const run = host.launch(["run", "never"]);
      const hanging = await model.request((request) => request.kind === "turn");
      run.kill("SIGKILL");

      expect(await run.ended).toBeNull();
      expect(isRunning(run.pid)).toBe(false);
      await eventually(() => expect(hanging.outcome).toBe("left"));
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a plugin is loaded with its options, and nothing is installed for it",
    async () => {
      await using folder = await scratch("plugin");
      await writeFile(
        folder.at("echo.ts"),
        `export default { id: "echo", server: async (_input: unknown, options: unknown) => ({
          tool: { echo_options: { description: "Echo", args: {}, execute: async () => JSON.stringify(options) } },
        }) };`,
      );
      const { host, model } = await ownBench({
        plugin: [folder.at("echo.ts"), { loud: true }],
        teamMode: { enabled: true },
      });
      const session = await host.session();
      model.program({
        when: session.id,
        steps: [call("echo_options"), (r) => say(toolResults(r)[0]?.text ?? "?")],
      });

      expect(textOf(await host.prompt(session.id, "Echo"))).toBe('{"loud":true}');
      expect(existsSync(`${host.home}/.npm`)).toBe(false);
      expect(await host.ground.log()).not.toContain("background dependency install failed");
      expect(await Bun.$`git -C ${host.work} status --short`.env({ ...host.ground.env }).text()).toBe("");
      expect(await Bun.file(`${host.work}/opencode.json`).json()).toMatchObject({
        team_mode: { enabled: true },
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a configuration the host refuses is named by the first request that needs it",
    async () => {
      const { host } = await ownBench({ config: { share: "nonsense" } });
      await expect(host.session()).rejects.toThrow(/share/);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a host that does not start says what it said",
    async () => {
      await expect(openBench({ plugin: false, env: { OPENCODE_DB: "/dev/null/x" } })).rejects.toThrow(
        /did not start(.|\n)*--- stderr/,
      );
    },
    TEST_TIMEOUT_MS,
  );

  test("a script that throws fails the test that owns the bench", async () => {
    const bench = await openBench({ plugin: false });
    bench.model.script(() => {
      throw new Error("the script is wrong");
    });
    const session = await bench.host.session();
    await bench.host.prompt(session.id, "Ask");

    await expect(bench.dispose()).rejects.toThrow("the script is wrong");
  }, 60_000);
});
