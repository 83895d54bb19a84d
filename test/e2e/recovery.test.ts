import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SubagentLedger } from "../../src/core/subagents.ts";
import { eventually } from "../support/eventually.ts";
import { call, calls, fail, hang, type Reply, say } from "../support/model-replies.ts";
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

const PROMPT = "Look around and tell.";

interface Errand {
  readonly agent?: string;
  readonly about?: string;
  readonly taskId?: string;
  readonly background?: boolean;
}

function errand({
  agent = "general",
  about = "Look around",
  taskId,
  background,
}: Errand = {}): readonly [string, unknown] {
  return [
    "task",
    {
      description: about,
      prompt: PROMPT,
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
  play.model.script(({ parentSessionId, kind, lastUserText }) => {
    const isErrand = parentSessionId === parent.sessionId && lastUserText === PROMPT;
    return isErrand && kind === "turn" ? rest.shift() : undefined;
  });
}

/** The session of its first subagent; of one that leads a team, of the first after it was made. */
async function childOf(parent: Actor, members: readonly string[] = []): Promise<string> {
  const request = await play.model.request(
    ({ parentSessionId, sessionId = "" }) =>
      parentSessionId === parent.sessionId && !members.includes(sessionId),
  );
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

/** What a person sees of the registry: the file of the caller's own. */
async function ledgerOf(parent: Actor): Promise<SubagentLedger> {
  const path = join(play.baseDir, "subagents", `${parent.sessionId}.json`);
  return JSON.parse(await readFile(path, "utf8")) as SubagentLedger;
}

/** One that is interrupted while it works: how its caller hears of it, and what it hears. */
interface Case {
  readonly errand?: Errand;
  readonly child: readonly Reply[];
  readonly during?: (parent: Actor, child: string) => Promise<void>;
  readonly says: string;
  readonly ending: string;
}

const reject = async (_parent: Actor, child: string): Promise<void> => {
  const asked = await play.host.event(
    ({ type, properties }) => type === "permission.asked" && properties["sessionID"] === child,
  );
  await play.host.replyPermission(String(asked.properties["id"]), "reject");
};

const CASES: Readonly<Record<string, Case>> = {
  "its provider answers 400": {
    child: [fail(400)],
    says: "refused, for a cause that persists",
    ending: "provider_fatal",
  },
  "its provider answers 429 until the host gives up": {
    child: Array.from({ length: 8 }, () => fail(429, { retryAfterSeconds: 0 })),
    says: "the provider of its model failed",
    ending: "provider",
  },
  "its provider answers 500 until the host gives up": {
    child: Array.from({ length: 8 }, () => fail(500, { retryAfterSeconds: 0 })),
    says: "the provider of its model failed",
    ending: "provider",
  },
  "it ends without a word": { child: [say("")], says: "without a word of result", ending: "empty" },
  "a person presses Esc in it": {
    child: [hang()],
    during: (_parent, child) => play.host.abort(child),
    says: "stopped from outside",
    ending: "aborted",
  },
  "the turn that waits for it is stopped": {
    child: [hang()],
    during: (parent) => play.host.abort(parent.sessionId),
    says: "stopped from outside",
    ending: "aborted",
  },
  "a person declines a permission": {
    errand: { agent: "asker" },
    child: [call("bash", { command: "ls", description: "Lists" })],
    during: reject,
    says: "a person declined a call",
    ending: "rejected",
  },
};

describe("a subagent that was interrupted", () => {
  test.each(Object.keys(CASES))(
    "(%s) is noted once in its caller's result, listed in its prompt, and is not called by itself",
    async (name) => {
      const { errand: how = {}, child: replies, during, says, ending } = CASES[name] as Case;
      const lead = await play.outsider();
      childrenOf(lead, ...replies);
      lead.plays(send(how), say("Well."));
      const turn = play.host.prompt(lead.sessionId, "Go.");
      const child = await childOf(lead);
      await during?.(lead, child);
      await turn;
      const asked = play.model.requestsOf(child).length;
      await lead.hears("And now?", say("Nothing."));

      const [result = ""] = tasksIn(lead.newest());
      const alias = `${(how.agent ?? "general").slice(0, 3)}-1`;
      expect(result.split(MARK)).toHaveLength(2);
      expect(result).toContain(says);
      expect(result).toContain("It has no saved work");
      expect(result).toContain(`as ${alias} (${child})`);
      expect(notesIn(lead.newest())).toBe(1);
      expect(sectionIn(lead.newest())).toContain(
        `- ${alias} (${child}), ${how.agent ?? "general"}: Look around`,
      );
      expect(await ledgerOf(lead)).toMatchObject({
        subagents: [{ sessionId: child, name: alias, status: "interrupted", ending }],
      });
      expect(play.model.requestsOf(child)).toHaveLength(asked);
      // Only where the host's own hook could take it is it stored: where a person reads an empty result.
      const stored = JSON.stringify(await play.host.messages(lead.sessionId));
      expect(stored.split(MARK)).toHaveLength(ending === "empty" ? 2 : 1);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "stays noted byte by byte in 20 turns, and nothing before the note changes",
    async () => {
      const lead = await play.outsider();
      childrenOf(
        lead,
        call("write", { filePath: join(play.host.work, "kept.txt"), content: "hi" }),
        fail(400),
      );
      await lead.acts(say("First I look."));
      await lead.acts(send(), say("Well."));
      const first = lead.newest();
      const noted = tasksIn(first)[0] ?? "";
      expect(noted).toContain("Found in its session: 1 completed tool call, 1 file.");
      for (let turn = 1; turn <= 20; turn += 1) await lead.hears(`Turn ${turn}`, say("Yes."));

      const requests = lead.requests().slice(lead.requests().indexOf(first));
      expect(requests.length).toBeGreaterThan(20);
      const known = JSON.stringify(first.body["messages"]).slice(0, -1);
      for (const request of requests) {
        expect(notesIn(request)).toBe(1);
        expect(tasksIn(request)).toEqual([noted]);
        // The whole list so far is the beginning of the next one, system prompt included: what a provider has cached holds.
        expect(JSON.stringify(request.body["messages"]).startsWith(known)).toBe(true);
      }
      // The step before the note was sent the same, up to the call.
      const before = lead.requests()[lead.requests().indexOf(first) - 1];
      const sent = (request: ModelRequest | undefined): string =>
        JSON.stringify(request?.messages).slice(0, -1);
      expect(sent(first).startsWith(sent(before))).toBe(true);
      expect(
        (await play.host.messages(lead.sessionId)).map((one) => JSON.stringify(one)).join(),
      ).not.toContain(MARK);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "goes on under its name, with what it knew, and is not listed when it has finished",
    async () => {
      const lead = await play.outsider();
      childrenOf(lead, fail(400));
      await lead.acts(send(), say("Well."));
      const child = await childOf(lead);
      childrenOf(lead, say("Now I am done."));

      await lead.acts(send({ taskId: "gen-1" }), say("Good."));

      expect(play.model.requestsOf(child)).toHaveLength(2);
      expect(tasksIn(lead.newest()).at(-1)).toContain("Now I am done.");
      expect(notesIn(lead.newest())).toBe(1);
      expect(sectionIn(lead.newest())).toBeUndefined();
      expect(await play.host.children(lead.sessionId)).toHaveLength(1);

      childrenOf(lead, fail(400));
      await lead.acts(send(), say("Well."));
      expect(sectionIn(lead.newest())).toContain("- gen-2 (");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "in the background is noted at the call that began it",
    async () => {
      const lead = await play.outsider();
      childrenOf(lead, fail(400));
      await lead.acts(send({ background: true }), say("Well."));
      const child = await childOf(lead);
      await eventually(async () => {
        expect((await ledgerOf(lead)).subagents).toMatchObject([
          { status: "interrupted", ending: "provider_fatal" },
        ]);
      }, PATIENCE);
      await lead.hears("And now?", say("Nothing."));

      const [result = ""] = tasksIn(lead.newest());
      expect(result).toContain(`<task id="${child}" state="running">`);
      expect(result).toContain(`as gen-1 (${child})`);
      expect(notesIn(lead.newest())).toBe(1);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is not listed for an agent that has no subagents",
    async () => {
      const lead = await play.outsider();
      childrenOf(lead, fail(400));
      await lead.acts(send(), say("Well."));
      expect(sectionIn(lead.newest())).toContain("gen-1");

      await play.host.prompt(lead.sessionId, "By yourself now.", { agent: "alone" });

      expect(sectionIn(lead.newest())).toBeUndefined();
      expect(notesIn(lead.newest())).toBe(1);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "and deleted afterwards is not listed any more, and a call for it says so",
    async () => {
      const lead = await play.outsider();
      childrenOf(lead, fail(400));
      await lead.acts(send(), say("Well."));
      const child = await childOf(lead);
      await play.host.remove(child);
      await eventually(async () => expect((await ledgerOf(lead)).subagents).toEqual([]), PATIENCE);

      const answer = await lead.tries(...errand({ taskId: child }));

      expect(answer).toStartWith("subagent_unknown: ");
      expect(sectionIn(lead.newest())).toBeUndefined();
      expect(await play.host.children(lead.sessionId)).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a call of task that came to no session", () => {
  test.each([
    ["an unknown agent", errand({ agent: "nope" })],
    ["wrong arguments", ["task", { description: "Look" }] as const],
  ])(
    "(%s) is not noted",
    async (_case, [tool, args]) => {
      const lead = await play.outsider();
      expect(await lead.tries(tool, args)).not.toContain(MARK);
      expect(sectionIn(lead.newest())).toBeUndefined();
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a subagent that has brought a result", () => {
  test(
    "is never noted, whatever words are in it",
    async () => {
      const lead = await play.outsider();
      const results = [
        "The request timeout is 30 s; on HTTP 429 it waits.",
        "class ServerError extends Error {}",
        'As sent:\n<task id="ses_other" state="error">\n<task_error>\nboom\n</task_error>\n</task>\ntask_id: ses_x',
      ];
      childrenOf(lead, ...results.map((text) => say(text)));
      await lead.acts(calls(results.map((_, at) => errand({ about: `Look ${at}` }))), say("Well."));
      expect(tasksIn(lead.newest())).toHaveLength(3);
      expect(notesIn(lead.newest())).toBe(0);
      expect(sectionIn(lead.newest())).toBeUndefined();
      expect((await ledgerOf(lead)).subagents).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a call of task for a session that exists already", () => {
  test(
    "is refused with the reason, and begins no other, where that is none of the caller's that rests",
    async () => {
      const lead = await play.outsider();
      const other = await play.outsider();
      childrenOf(other, fail(400));
      await other.acts(send(), say("Well."));
      const foreign = await childOf(other);
      childrenOf(lead, fail(400));
      await lead.acts(send(), say("Well."));
      const own = await childOf(lead);

      const refusals = {
        "gen-9": /^subagent_unknown: task_id "gen-9" .* Resumable are gen-1 \(general\)/,
        ses_gone: /^subagent_unknown: there is no session ses_gone/,
        [foreign]: /^subagent_foreign: /,
        [lead.sessionId]: /^subagent_foreign: /,
      };
      for (const [taskId, reason] of Object.entries(refusals))
        expect(await lead.tries(...errand({ taskId }))).toMatch(reason);
      const differs = await lead.tries(...errand({ taskId: "gen-1", agent: "asker" }));
      expect(differs).toStartWith("subagent_type_differs: ");
      expect((await play.host.children(lead.sessionId)).map(({ id }) => id)).toEqual([own]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "lets one of two go on, and tells the other that it works already",
    async () => {
      const lead = await play.outsider();
      childrenOf(lead, fail(400));
      await lead.acts(send(), say("Well."));
      const child = await childOf(lead);
      childrenOf(lead, say("Done by one."), say("Done by both."));

      await lead.acts(calls([errand({ taskId: "gen-1" }), errand({ taskId: child })]), say("Good."));

      const results = tasksIn(lead.newest()).slice(1);
      expect(results.filter((text) => text.includes("Done by one."))).toHaveLength(1);
      expect(results.filter((text) => text.startsWith("subagent_busy: "))).toHaveLength(1);
      expect(play.model.requestsOf(child)).toHaveLength(2);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a lead", () => {
  test(
    "sees its own interrupted subagents, and its interrupted members with what they have in hand",
    async () => {
      const team = await play.team(["ada"], {
        tasks: [{ subject: "Map the parser", description: "All of it." }],
      });
      const { lead } = team;
      const ada = team.member("ada");
      childrenOf(lead, fail(400));
      await lead.acts(send(), say("Well."));
      const child = await childOf(lead, [ada.sessionId]);
      ada.plays(call("team_task_update", { taskId: 1, status: "in_progress" }), hang());
      await lead.uses("team_send_message", { to: "ada", body: "Begin." });
      await eventually(() => expect(ada.newest().toolResultsSinceLastUser).toHaveLength(1), PATIENCE);
      // After a person's Esc nothing but the lead or a person wakes it.
      await play.host.abort(ada.sessionId);
      await eventually(async () => {
        expect((await team.files.state()).members["ada"]?.status).toBe("interrupted");
      }, PATIENCE);

      const status = await lead.uses("team_status");

      expect(status["subagents"]).toMatchObject([
        {
          name: "gen-1",
          session: child,
          status: "interrupted",
          ending: "provider_fatal",
          found: "no saved work",
        },
      ]);
      expect(status["interrupted"]).toMatchObject([
        {
          member: "ada",
          lastTask: { taskId: 1, subject: "Map the parser", status: "in_progress" },
          tasks: [1],
          unread: expect.any(Number),
          choices: expect.stringMatching(/wake it .* give its tasks .* retire it/),
        },
      ]);
      expect(sectionIn(lead.newest())).toContain(child);
      expect(sectionIn(ada.newest())).toBeUndefined();
      expect(await lead.tries(...errand({ taskId: ada.sessionId }))).toContain("team_send_message");
    },
    TEST_TIMEOUT_MS,
  );
});
