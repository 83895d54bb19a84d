import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostEvent } from "../support/event-tap.ts";
import { eventually } from "../support/eventually.ts";
import { call, calls, cut, fail, hang, type Reply, say } from "../support/model-replies.ts";
import { type ModelRequest, toolResults } from "../support/model-request.ts";
import { type Actor, PATIENCE, stage, TEST_TIMEOUT_MS } from "./stage.ts";

const MARK = "[task partial state available]";

const play = stage({
  env: { OPENCODE_EXPERIMENTAL_BACKGROUND_SUBAGENTS: "true" },
  config: {
    agent: {
      asker: { mode: "subagent", description: "Asks before it runs anything.", permission: { bash: "ask" } },
      alone: { mode: "primary", description: "Has nobody to send.", permission: { task: "deny" } },
    },
  },
});

interface Errand {
  readonly agent?: string;
  readonly taskId?: string;
  readonly background?: boolean;
}

function errand({ agent = "general", taskId, background }: Errand = {}): readonly [string, unknown] {
  return [
    "task",
    {
      description: "Look around",
      prompt: "Look around and tell.",
      subagent_type: agent,
      ...(taskId === undefined ? {} : { task_id: taskId }),
      ...(background === undefined ? {} : { background }),
    },
  ];
}

const send = (how?: Errand): Reply => call(...errand(how));

/** What the next subagents of a session do, whichever of them asks first. */
function childrenOf(parent: Actor, ...replies: readonly Reply[]): void {
  const rest = [...replies];
  play.model.script((request) =>
    request.parentSessionId === parent.sessionId && request.kind === "turn" ? rest.shift() : undefined,
  );
}

/** The session of the newest subagent. */
async function childOf(parent: Actor): Promise<string> {
  const request = await play.model.request((one) => one.parentSessionId === parent.sessionId);
  return String(request.sessionId);
}

/** Results of `task` in a request, oldest first. */
function tasksIn(request: ModelRequest): readonly string[] {
  return toolResults(request)
    .filter(({ name }) => name === "task")
    .map(({ text }) => text);
}

function notesIn(request: ModelRequest): number {
  return JSON.stringify(request.body).split(MARK).length - 1;
}

function sectionIn({ system }: ModelRequest): string | undefined {
  return /<resumable_sessions>[\s\S]*<\/resumable_sessions>/.exec(system)?.[0];
}

describe("a subagent that was interrupted", () => {
  test(
    "smoke",
    async () => {
      const lead = await play.outsider();
      childrenOf(lead, call("write", { filePath: join(play.host.work, "a.txt"), content: "hi" }), fail(400));
      await lead.acts(send(), say("Well."));
      const child = await childOf(lead);
      console.log(tasksIn(lead.newest()), sectionIn(lead.newest()));
      childrenOf(lead, say("Done now."));
      await lead.acts(send({ taskId: "gen-1" }), say("Well."));
      console.log(tasksIn(lead.newest()), sectionIn(lead.newest()), child);
      console.log(await lead.tries("task", errand({ taskId: "gen-9" })[1]));
      console.log(await lead.tries("task", errand({ taskId: "ses_gone" })[1]));
      console.log(await lead.tries("task", errand({ taskId: lead.sessionId })[1]));
      console.log(
        (await play.host.ground.log())
          .split("\n")
          .filter((l) => /flotilla|subagents/.test(l))
          .slice(-10),
      );
    },
    TEST_TIMEOUT_MS,
  );
});
