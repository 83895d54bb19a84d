import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import plugin from "../../src/plugin.ts";
import { type Bench, openBench, PLUGIN_SOURCE } from "../support/bench.ts";
import { eventually } from "../support/eventually.ts";
import { say } from "../support/model-replies.ts";
import { toolNames } from "../support/model-request.ts";
import { scratch } from "../support/scratch.ts";
import { offeredIn } from "./offered.ts";
import { TEST_TIMEOUT_MS } from "./stage.ts";

const GREETING = "Please form a team of parallel agents.";

/** One host on one home and work tree, started anew with each configuration, so that all else is equal. */
describe("the plugin, not enabled", () => {
  let bench: Bench;
  let bare: string;

  beforeAll(async () => {
    bench = await openBench({ plugin: false });
    bench.model.script((request) => (request.kind === "turn" ? say("Good morning.") : undefined));
    bare = await requestWith(undefined);
  }, TEST_TIMEOUT_MS);

  afterAll(async () => {
    await bench.dispose();
  });

  /** The body of the request that a first turn sends, under a configuration of the project. */
  async function requestWith(change: Readonly<Record<string, unknown>> | undefined): Promise<string> {
    const { host, model } = bench;
    if (change !== undefined) {
      const path = join(host.work, "opencode.json");
      const { plugin: _plugin, team_mode: _section, ...rest } = JSON.parse(await readFile(path, "utf8"));
      await writeFile(path, JSON.stringify({ ...rest, ...change }, undefined, 2));
      await host.restart();
    }
    const session = await host.session();
    await host.prompt(session.id, GREETING);
    const [request] = model.requestsOf(session.id);
    if (request === undefined) throw new Error("no request");
    expect(toolNames(request)).toContain("bash");
    expect(offeredIn(request)).toEqual([]);
    return JSON.stringify(request.body);
  }

  test.each([
    ["absent", { plugin: [PLUGIN_SOURCE] }],
    ["false", { plugin: [PLUGIN_SOURCE], team_mode: { enabled: false, offer_tools: "always" } }],
    ["false in the plugin's options", { plugin: [[PLUGIN_SOURCE, { team_mode: { enabled: false } }]] }],
  ])(
    "because `enabled` is %s, changes no byte of what a model is sent and leaves no file",
    async (_case, change) => {
      const before = await ownFiles();

      expect(await requestWith(change)).toBe(bare);

      expect(await ownFiles()).toEqual(before);
      expect(await bench.host.ground.log()).not.toContain("service=flotilla");
      const toasts = bench.host.events.filter((event) => event.type === "tui.toast.show");
      expect(toasts).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "because its section is faulty, says where and what, in log and toast, and the host works as without it",
    async () => {
      const before = await ownFiles();

      const sent = await requestWith({
        plugin: [PLUGIN_SOURCE],
        team_mode: { enabled: true, max_members: 99, colour: "red" },
      });

      expect(sent).toBe(bare);
      expect(await ownFiles()).toEqual(before);
      const config = join(bench.host.work, "opencode.json");
      const text = await readFile(config, "utf8");
      const line = text.split("\n").findIndex((one) => one.includes('"max_members"')) + 1;
      const toast = await bench.host.event((event) => event.type === "tui.toast.show");
      expect(toast.properties["message"]).toContain(`${config}:${line}:`);
      expect(toast.properties["message"]).toContain("team_mode.max_members");
      expect(toast.properties["message"]).toContain("99");
      expect(toast.properties["message"]).toContain("64");
      expect(toast.properties["variant"]).toBe("error");
      // The host writes its log beside whatever else it does.
      await eventually(async () => {
        const log = await bench.host.ground.log();
        expect(log).toContain(`${config}:${line}:`);
        expect(log).toContain("team_mode.colour");
      });
    },
    TEST_TIMEOUT_MS,
  );

  /** Files that may be ours, by their names: in home, work tree and the folder for temporary files. */
  async function ownFiles(): Promise<readonly string[]> {
    const { path, home, work } = bench.host.ground;
    const names = await Promise.all(
      [home, work, join(path, "tmp")].map((root) => readdir(root, { recursive: true })),
    );
    return names.flat().filter((name) => /flotilla|team/i.test(name));
  }
});

describe("the plugin's function, not enabled", () => {
  test("returns nothing for the host to call, asks the host nothing and starts no timer", async () => {
    await using folder = await scratch("off");
    const started: string[] = [];
    const real = { setTimeout: globalThis.setTimeout, setInterval: globalThis.setInterval };
    const host = new Proxy(
      {},
      { get: (_, key) => expect.unreachable(`the client's ${String(key)} was used`) },
    );
    globalThis.setTimeout = Object.assign((...args: Parameters<typeof setTimeout>) => {
      started.push("setTimeout");
      return real.setTimeout(...args);
    }, real.setTimeout);
    globalThis.setInterval = Object.assign((...args: Parameters<typeof setInterval>) => {
      started.push("setInterval");
      return real.setInterval(...args);
    }, real.setInterval);
    try {
      const input = { client: host, directory: folder.path, worktree: folder.path };

      const hooks = await plugin.server(input as unknown as Parameters<typeof plugin.server>[0], {
        team_mode: { enabled: false },
      });

      expect(hooks).toEqual({});
      expect(started).toEqual([]);
      expect(await readdir(folder.path)).toEqual([]);
    } finally {
      Object.assign(globalThis, real);
    }
  });
});

describe("a directory for which the plugin is switched off", () => {
  test(
    "has no team tool, beside one in the same host that has them",
    async () => {
      await using bench = await openBench({
        teamMode: { enabled: true },
        files: { "off/opencode.json": JSON.stringify({ team_mode: { enabled: false } }) },
      });
      const { host, model } = bench;
      const on = await host.session();
      const off = await host.session({ directory: join(host.work, "off") });
      await host.prompt(on.id, GREETING);
      await host.prompt(off.id, GREETING);

      expect(model.requestsOf(on.id).map(offeredIn)[0]).toHaveLength(12);
      expect(model.requestsOf(off.id).map(offeredIn)[0]).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});
