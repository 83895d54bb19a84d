import { describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SubagentLedger } from "../../src/core/subagents.ts";
import { openBench } from "../support/bench.ts";
import { eventually } from "../support/eventually.ts";
import { call, fail, say } from "../support/model-replies.ts";
import { toolResults } from "../support/model-request.ts";
import { isRunning } from "../support/processes.ts";
import { baseDirOf } from "./run-folder.ts";
import { PATIENCE, TEST_TIMEOUT_MS } from "./stage.ts";

const SEND = call("task", { description: "Wait", prompt: "Wait a while.", subagent_type: "general" });

describe("a host that is killed while a subagent works", () => {
  test(
    "finds it again, with what it had done and the shell that outlived it, before anybody asks",
    async () => {
      await using bench = await openBench({ teamMode: { enabled: true } });
      const { host, model } = bench;
      const lead = (await host.session()).id;
      const path = join(baseDirOf(host.home), "subagents", `${lead}.json`);
      const ledger = async (): Promise<SubagentLedger> =>
        JSON.parse(await readFile(path, "utf8")) as SubagentLedger;
      const pidFile = join(host.work, "shell.pid");
      const steps = [
        call("write", { filePath: join(host.work, "kept.txt"), content: "hi" }),
        call("bash", { command: `echo $$ > ${pidFile}; exec sleep 30`, description: "Waits" }),
      ];
      model.script((request) => (request.parentSessionId === lead ? steps.shift() : undefined));
      model.program({ when: lead, steps: [SEND] });
      await host.promptAsync(lead, "Go.");
      const pid = await eventually(async () => {
        const text = await readFile(pidFile, "utf8");
        expect(text).toMatch(/^\d+\n$/);
        return Number(text);
      }, PATIENCE);
      await eventually(
        async () => expect((await ledger()).subagents).toMatchObject([{ status: "running" }]),
        PATIENCE,
      );

      await host.kill9();
      expect(isRunning(pid)).toBe(true);
      await host.start();
      // Any request for the directory starts the plugin; nobody has asked for this session yet.
      await host.sessions();

      await eventually(
        async () =>
          expect((await ledger()).subagents).toMatchObject([
            { name: "gen-1", status: "interrupted", ending: "crashed", shells: [{ pid }] },
          ]),
        PATIENCE,
      );
      expect(model.requestsOf(lead)).toHaveLength(1);
      for (const words of ["Go on.", "And on."]) await host.prompt(lead, words);
      const sent = model.requestsOf(lead).slice(1);
      expect(sent).toHaveLength(2);
      const results = sent.map((request) => toolResults(request).map(({ text }) => text));
      expect(results[1]).toEqual(results[0] ?? []);
      const [note = ""] = results[0] ?? [];
      expect(note).toStartWith("[Tool execution was interrupted]\n\n[task partial state available]\n");
      expect(note).toContain("the OpenCode that ran it died");
      expect(note).toContain("1 completed tool call, 1 file");
      expect(note).toContain(`pid ${pid}`);
      expect(sent[0]?.system).toContain("- gen-1 (");
      expect(isRunning(pid)).toBe(true);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("with task_recovery off", () => {
  test(
    "nothing is noted, listed, refused or written",
    async () => {
      await using bench = await openBench({ teamMode: { enabled: true, task_recovery: false } });
      const { host, model } = bench;
      const lead = (await host.session()).id;
      const replies = [fail(400), say("A new one.")];
      model.script((request) => (request.parentSessionId === lead ? replies.shift() : undefined));
      const gone = call("task", {
        description: "Wait",
        prompt: "Wait.",
        subagent_type: "general",
        task_id: "ses_gone0000000000000000000000",
      });
      model.program({ when: lead, steps: [SEND, gone, say("Well.")] });
      await host.prompt(lead, "Go.");

      const sent = model.requestsOf(lead).at(-1);
      const [failed = "", begun = ""] = sent ? toolResults(sent).map(({ text }) => text) : [];
      expect(failed).toMatch(/^Subagent failed \(task_id: ses_\w+\): scripted failure 400$/);
      expect(begun).toContain("A new one.");
      expect(sent?.system).not.toContain("resumable_sessions");
      expect(await readdir(baseDirOf(host.home)).catch(() => [])).not.toContain("subagents");
    },
    TEST_TIMEOUT_MS,
  );
});
