import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { playScenes } from "../demo/scenes.ts";
import { ACTORS } from "../demo/story.ts";
import { ROOT } from "./support/checkout.ts";
import { eventually } from "./support/eventually.ts";
import { prepareGround } from "./support/host-ground.ts";
import { startModelServer } from "./support/model-server.ts";
import { processesOf, start } from "./support/processes.ts";
import { scratch } from "./support/scratch.ts";

/** A run takes about 15 s where nothing else runs, and twice that on a loaded machine. */
const DEMO_MS = 120_000;

function startDemo(args: readonly string[], env: Readonly<Record<string, string | undefined>>) {
  const complete = Object.entries({ ...process.env, ...env }).filter(([, value]) => value !== undefined);
  return start(process.execPath, [join(ROOT, "demo", "main.ts"), ...args], {
    cwd: ROOT,
    env: Object.fromEntries(complete) as Record<string, string>,
  });
}

describe("npm run demo", () => {
  test(
    "shows a whole team at work, checks what it has shown, and leaves nothing behind",
    async () => {
      await using tmp = await scratch("demo-test");
      const demo = startDemo([], { TMPDIR: tmp.path });
      const code = await demo.ended;
      const shown = demo.stdout();
      expect({ code, stderr: demo.stderr(), shown }).toMatchObject({ code: 0, stderr: "" });

      const timeline = shown.slice(0, shown.indexOf("The run on disk"));
      inOrder(timeline, [
        /person ❝ Build the greeter/,
        /lead {3}▣ creates the team "greeter"/,
        /lead {3}☐ adds task #2 Test it with node --test, after #1, for bo/,
        /ada {4}▶ takes task #1/,
        /ada {4}✔ completes task #1/,
        /system ✉ to bo: task: A task is ready now: #2/,
        /bo {5}▶ takes task #2/,
        /bo {5}⚙ bash node --test[^⚙]+# fail 1/,
        /bo {5}✉ to ada: 2 pass, 1 fails/,
        /ada {4}⚙ edit src\/greet\.js/,
        /bo {5}⚙ bash node --test[^⚙]+# fail 0/,
        /bo {5}✉ asks to be shut down/,
        /lead {3}✔ lets bo end/,
        /cy {5}■ has ended/,
        /lead {3}▣ deletes the team/,
        /lead {3}❝ The greeter is done/,
      ]);
      inOrder(timeline, [
        /cy {5}✉ to ada: What does/,
        /ada {4}✉ to cy: Without a name/,
        /cy {5}⚙ write README\.md/,
      ]);
      expect(timeline).toMatch(/bo {5}✋ team_task_update is refused: task_not_ready/);
      // Nothing of the journal is shown raw.
      expect(timeline).not.toMatch(/[a-z]_[a-z]+ed |\{"/);
      expect(shown).toMatch(/test\/greet\.test\.js \| 15 \+/);
      expect(shown).toMatch(/state\.json +closed/);
      expect(shown).toMatch(/folders 700, files 600/);
      expect(shown.match(/^ {2}✔ /gm)).toHaveLength(8);
      expect(shown).not.toContain("✘");
      expect(shown).not.toContain("\u001b");
      expect(shown.split("\n").filter((line) => line.length > 100)).toEqual([]);
      expect(readdirSync(tmp.path)).toEqual([]);
    },
    DEMO_MS,
  );

  test(
    "--model works with the user's own configuration, and leaves the user's sessions alone",
    async () => {
      await using tmp = await scratch("demo-test");
      await using model = await startModelServer();
      playScenes(model, ACTORS, 20);
      const ground = await prepareGround({ modelUrl: model.url });
      try {
        const config = { snapshot: false, provider: { mock: provider(model.url) } };
        const env = { ...ground.env, TMPDIR: tmp.path, OPENCODE_CONFIG_CONTENT: JSON.stringify(config) };
        const demo = startDemo(["--model", "mock/m"], env);
        const code = await demo.ended;
        const shown = demo.stdout();
        expect({ code, stderr: demo.stderr(), shown }).toMatchObject({ code: 0, stderr: "" });
        expect(shown).toContain("The model is mock/m of your own OpenCode configuration");
        expect(shown.match(/^ {2}✔ /gm)).toHaveLength(8);
        expect(model.requestsOf("lead")[0]?.lastUserText).toContain("Build the greeter");
        const share = readdirSync(join(ground.home, ".local", "share", "opencode"));
        expect(share.filter((name) => name.endsWith(".db"))).toEqual([]);
        expect(readdirSync(tmp.path)).toEqual([]);
      } finally {
        await ground.remove();
      }
    },
    DEMO_MS,
  );

  test(
    "fails at once when the provider does, and says where the host's log is",
    async () => {
      await using tmp = await scratch("demo-test");
      const ground = await prepareGround({ modelUrl: "http://127.0.0.1:9/v1" });
      try {
        const demo = startDemo(["--model", "nobody/nothing"], { ...ground.env, TMPDIR: tmp.path });
        expect(await demo.ended).toBe(1);
        expect(demo.stdout()).toMatch(/The demo failed: .*nobody\/nothing/);
        expect(demo.stdout()).toMatch(/the host's log: \S+\/opencode\/log/);
        expect(readdirSync(tmp.path)).toHaveLength(1);
      } finally {
        await ground.remove();
      }
    },
    DEMO_MS,
  );

  for (const [when, seen] of [
    ["while the team works", /ada {4}● works/],
    ["while it is still starting", /The model is a script/],
  ] as const) {
    test(
      `ends its processes and removes its folder on Ctrl-C ${when}`,
      async () => {
        await using tmp = await scratch("demo-test");
        const demo = startDemo([], { TMPDIR: tmp.path });
        await eventually(() => expect(demo.stdout()).toMatch(seen), { timeoutMs: 30_000 });
        const [ground = ""] = await eventually(() => {
          const found = readdirSync(tmp.path);
          expect(found).toHaveLength(1);
          return found;
        });
        demo.kill("SIGINT");
        expect(await demo.ended).toBe(130);
        expect(demo.stdout()).toContain("Stopped.");
        expect(await processesOf(tmp.at(ground))).toEqual([]);
        expect(readdirSync(tmp.path)).toEqual([]);
      },
      DEMO_MS,
    );
  }

  test("names an argument that it does not understand", async () => {
    const wrong = startDemo(["--model", "nothing"], {});
    expect(await wrong.ended).toBe(2);
    expect(wrong.stderr()).toContain('--model "nothing": expected provider/model');
    const unknown = startDemo(["--fast"], {});
    expect(await unknown.ended).toBe(2);
    expect(unknown.stderr()).toContain("--fast");
    const help = startDemo(["--help"], {});
    expect(await help.ended).toBe(0);
    expect(help.stdout()).toContain("--keep");
  });
});

/** Each pattern is found, after the one before it. */
function inOrder(text: string, patterns: readonly RegExp[]): void {
  let rest = text;
  for (const pattern of patterns) {
    const found = pattern.exec(rest);
    if (!found) throw new Error(`${pattern} is not in what follows:\n${rest}`);
    rest = rest.slice(found.index + found[0].length);
  }
}

function provider(baseURL: string): unknown {
  return {
    npm: "@ai-sdk/openai-compatible",
    options: { baseURL, apiKey: "k" },
    models: { m: { name: "M", tool_call: true, limit: { context: 200_000, output: 8_192 } } },
  };
}
