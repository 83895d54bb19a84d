import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { baseDirOf } from "../test/e2e/run-folder.ts";
import { type Bench, openBench } from "../test/support/bench.ts";
import { eventually } from "../test/support/eventually.ts";
import { call, say } from "../test/support/model-replies.ts";
import { toolResults } from "../test/support/model-request.ts";
import { number, type Section } from "./section.ts";
import { median, p95, p99 } from "./statistics.ts";

const SAMPLES = 200;
/** More often than the file can change, and a small part of a processor. */
const LOOK_MS = 5;

const COMMAND = { command: "true", description: "Do nothing" };

export async function measureStatus(): Promise<Section> {
  const asking = { mode: "all", description: "Asks before it runs anything.", permission: { bash: "ask" } };
  await using bench = await openBench({ teamMode: { enabled: true }, config: { agent: { asking } } });
  const { host, file } = await openTeam(bench);
  const [asked, answered]: [number[], number[]] = [[], []];
  for (let n = 0; n < SAMPLES; n += 1) {
    const gate = await written(file, ({ gates }) => gates.length > 0);
    const [{ requestId, since }] = gate.status.gates as readonly [{ requestId: string; since: number }];
    asked.push(gate.at - since);
    const repliedAt = Date.now();
    await host.replyPermission(requestId, "once");
    const next = await written(file, ({ gates }) => gates[0]?.requestId !== requestId);
    answered.push(next.at - repliedAt);
  }
  const line = (what: string, samples: readonly number[], aim: string): readonly string[] => [
    what,
    String(samples.length),
    `${number(median(samples))} ms`,
    `${number(p95(samples))} ms`,
    `${number(p99(samples))} ms`,
    aim,
  ];
  const verdict = median(asked) <= 100 && p99(asked) <= 250 ? "met" : "**missed**";
  return {
    title: "Status files",
    method:
      "From the moment at which the host's event reaches the plugin to the time of the file that shows it, in a real host with one member that asks for a permission, is given it, and asks again. For the answer: from just before the request that gives it, which another program makes.",
    header: ["", "n", "median", "p95", "p99", "aim"],
    lines: [
      line(
        "a permission is asked: `needs_approval` in the member's file",
        asked,
        `100 ms, p99 250 ms: ${verdict}`,
      ),
      line("it is given by another program: the member's file says so", answered, ""),
    ],
    notes: [],
  };
}

/** A member that asks over and over, and where its file is. */
async function openTeam({ host, model }: Bench): Promise<{ host: Bench["host"]; file: string }> {
  const { id: lead } = await host.session({ title: "lead" });
  const members = [{ name: "ada", subagent_type: "asking", prompt: "Ask." }];
  model.script((request) => {
    if (request.sessionId !== lead) return request.kind === "turn" ? call("bash", COMMAND) : undefined;
    if (toolResults(request).length > 0) return say("Done.");
    return call("team_create", { inline_spec: { name: "askers", members } });
  });
  await host.prompt(lead, "Please make a team.");
  const [result] = toolResults(model.requestsOf(lead).at(-1)!);
  const { runId } = JSON.parse(result?.text ?? "{}") as { runId: string };
  return { host, file: join(baseDirOf(host.home), "runs", runId, "status", "ada.json") };
}

interface Shown {
  readonly gates: readonly { readonly requestId: string; readonly since: number }[];
}

/** The file as soon as it is so, and when it was written. */
async function written(
  file: string,
  isSo: (status: Shown) => boolean,
): Promise<{ readonly status: Shown; readonly at: number }> {
  return eventually(
    () => {
      const at = statSync(file).mtimeMs;
      const status = JSON.parse(readFileSync(file, "utf8")) as Shown;
      if (!isSo(status) || statSync(file).mtimeMs !== at) throw new Error("not yet");
      return { status, at };
    },
    { timeoutMs: 30_000, everyMs: LOOK_MS },
  );
}
