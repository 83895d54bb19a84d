import { afterAll, beforeAll, expect } from "bun:test";
import { type Bench, type BenchOptions, openBench } from "../support/bench.ts";
import { eventually } from "../support/eventually.ts";
import type { Host } from "../support/host.ts";
import { call, type Reply, say } from "../support/model-replies.ts";
import { type ModelRequest, toolResults } from "../support/model-request.ts";
import type { ModelServer, Step } from "../support/model-server.ts";
import { baseDirOf, type RunFolder, runFolder } from "./run-folder.ts";

/** A real host on two loaded cores: a cold turn alone may take five seconds. */
export const TEST_TIMEOUT_MS = 60_000;

/** For what a host does in its own time, on a machine that runs others meanwhile. */
export const PATIENCE = { timeoutMs: 30_000 };

/** What a tool answered: JSON text, as the model was sent it. */
export type Answer = Readonly<Record<string, unknown>>;

/** A session as a test plays it: the test says what its model does. */
export interface Actor {
  readonly sessionId: string;
  readonly agent: string;
  /** What the model does in its next turns, whoever starts them. */
  plays(...steps: readonly Step[]): void;
  /** Starts a turn as a person who prompts this session and waits until it has ended; the model makes these calls. */
  acts(...steps: readonly Step[]): Promise<void>;
  /** Makes one call in a turn of its own and answers what the model was sent of it. */
  tries(tool: string, args?: unknown): Promise<string>;
  /** As {@link tries}, for a call that must succeed. */
  uses(tool: string, args?: unknown): Promise<Answer>;
  /** As {@link tries}, for a call that must be refused; answers the whole sentence. */
  isRefused(tool: string, args?: unknown): Promise<string>;
  /** A person's prompt in words of its own; waits until the turn has ended and answers its first request. */
  hears(text: string, ...steps: readonly Step[]): Promise<ModelRequest>;
  /** What the model was sent so far, oldest first. */
  requests(): readonly ModelRequest[];
  /** The newest of them. */
  newest(): ModelRequest;
  /** The first request of this session, past or future, that holds the text. */
  reads(text: string): Promise<ModelRequest>;
  /** Every tool result in what the model was sent last. */
  results(): readonly string[];
}

export interface Team {
  readonly runId: string;
  readonly name: string;
  readonly lead: Actor;
  readonly files: RunFolder;
  member(name: string): Actor;
  /** Resolves when nobody works, and no mail is ready or on its way. */
  quiet(): Promise<void>;
}

export interface TeamOptions {
  /** Beside name and members, as `inline_spec` has it. */
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly tasks?: readonly unknown[];
  /** A session that exists already becomes the lead; default: a new one. */
  readonly lead?: Actor;
  /** The agent that the lead runs; default `build`. */
  readonly leadAgent?: string;
  /** What members do on their brief; default: they end their turn without a word, so that nobody is woken. */
  readonly onBrief?: Readonly<Record<string, readonly Step[]>>;
  /** `false`: does not wait until everybody has read its brief. */
  readonly settle?: boolean;
}

type MemberOptions = Readonly<Record<string, unknown>> & { readonly subagent_type?: string };

/** One real host for the tests of a file, and a fresh team for each of them. */
export interface Stage {
  readonly bench: Bench;
  readonly host: Host;
  readonly model: ModelServer;
  readonly baseDir: string;
  actor(sessionId: string, agent?: string): Actor;
  /** A root session in no run. */
  outsider(agent?: string): Promise<Actor>;
  /** A team whose lead and members are idle; member names, or what else `inline_spec` says of them. */
  team(
    members: readonly string[] | Readonly<Record<string, MemberOptions>>,
    options?: TeamOptions,
  ): Promise<Team>;
}

/** A turn that ends without a word: no last word is owed to anybody. */
export const SILENCE: Reply = say("");

/** Opens a host before the tests of a file and closes it after them. */
export function stage(options: BenchOptions = {}): Stage {
  let open: Bench | undefined;
  beforeAll(async () => {
    open = await openBench({ teamMode: { enabled: true }, ...options });
    const tools = await open.host.call<readonly string[]>("GET", "/experimental/tool/ids", {
      query: { directory: open.host.work },
    });
    // A module that does not compile is left out by the host without a word.
    if (!tools.includes("team_create")) throw new Error("the host has not loaded the plugin");
    // What no test has scripted says nothing, so that no last word wakes anybody.
    open.model.script((request) => (request.kind === "turn" ? SILENCE : undefined));
  }, TEST_TIMEOUT_MS);
  afterAll(async () => {
    await open?.dispose();
  }, TEST_TIMEOUT_MS);
  return stageOn(() => {
    if (open === undefined) throw new Error("the host of this file did not start");
    return open;
  });
}

let serial = 0;

/** How a member's actor knows that a turn of its is on record, and not only over. */
type Recorded = () => Promise<() => Promise<void>>;

const UNRECORDED: Recorded = async () => async () => undefined;

function stageOn(bench: () => Bench): Stage {
  function actor(sessionId: string, agent = "build", recorded: Recorded = UNRECORDED): Actor {
    const { host, model } = bench();
    const requests = (): readonly ModelRequest[] => model.requestsOf(sessionId);
    const newest = (): ModelRequest => {
      const request = requests().at(-1);
      if (request === undefined) throw new Error(`session ${sessionId} has sent no request`);
      return request;
    };
    const hears = async (text: string, ...steps: readonly Step[]): Promise<ModelRequest> => {
      const before = requests().length;
      model.program({ when: sessionId, steps });
      const onRecord = await recorded();
      await host.prompt(sessionId, text, { agent });
      await onRecord();
      const first = requests()[before];
      if (first === undefined) throw new Error(`session ${sessionId} had no turn`);
      return first;
    };
    const acts = async (...steps: readonly Step[]): Promise<void> => {
      await hears("Go on.", ...steps);
    };
    const tries = async (tool: string, args: unknown = {}): Promise<string> => {
      const known = new Set(requests().flatMap((request) => toolResults(request).map((one) => one.callId)));
      await acts(call(tool, args));
      // A call that was cut off earlier has its result only now; the newest is ours.
      const result = toolResults(newest()).findLast((one) => !known.has(one.callId));
      if (result === undefined) throw new Error(`${tool} has no result in ${newest().lastUserText}`);
      return result.text;
    };
    const self: Actor = {
      sessionId,
      agent,
      plays: (...steps) => model.program({ when: sessionId, steps }),
      acts,
      hears,
      tries,
      uses: async (tool, args) => answerOf(await tries(tool, args)),
      isRefused: async (tool, args) => {
        const text = await tries(tool, args);
        expect(text).toMatch(/^[a-z_]+: .+/s);
        return text;
      },
      requests,
      newest,
      reads: (text) =>
        model.request(
          (request) =>
            request.sessionId === sessionId &&
            request.kind === "turn" &&
            request.messages.some((message) => message.text.includes(text)),
          { what: `request of ${sessionId} that holds ${JSON.stringify(text)}` },
        ),
      results: () => toolResults(newest()).map((result) => result.text),
    };
    return self;
  }

  async function outsider(agent?: string): Promise<Actor> {
    return actor((await bench().host.session()).id, agent);
  }

  async function team(
    members: readonly string[] | Readonly<Record<string, MemberOptions>>,
    options: TeamOptions = {},
  ): Promise<Team> {
    const { model } = bench();
    serial += 1;
    const name = `crew-${serial}`;
    const specs: Readonly<Record<string, MemberOptions>> = Array.isArray(members)
      ? Object.fromEntries((members as readonly string[]).map((one) => [one, {}]))
      : (members as Readonly<Record<string, MemberOptions>>);
    for (const one of Object.keys(specs)) {
      const speaker = `${name}/${one}`;
      model.name(speaker, (request) => isBriefOf(request, one, name));
      const steps = options.onBrief?.[one];
      if (steps !== undefined) model.program({ when: speaker, steps });
    }
    const lead = options.lead ?? (await outsider(options.leadAgent));
    const spec = {
      name,
      ...options.spec,
      members: Object.entries(specs).map(([one, extra]) => ({
        name: one,
        ...("category" in extra ? {} : { subagent_type: "general" }),
        prompt: `Wait for mail, ${one}.`,
        ...extra,
      })),
    };
    await lead.hears(
      "Form a team.",
      call("team_create", { inline_spec: spec, ...(options.tasks ? { tasks: options.tasks } : {}) }),
    );
    const created = answerOf(lead.results().at(-1) ?? "");
    const seats = created["members"] as readonly { name: string; agent: string; sessionId?: string }[];
    const runId = String(created["runId"]);
    const files = runFolder(baseDirOf(bench().host.home), runId);
    const actors = new Map(
      seats.map((seat) => [
        seat.name,
        actor(seat.sessionId ?? "", seat.agent, () => recordedTurns(files, seat.name)),
      ]),
    );
    const made: Team = {
      runId,
      name,
      lead,
      files,
      member(one) {
        const found = actors.get(one);
        if (found === undefined) throw new Error(`team ${name} has no member ${one}`);
        return found;
      },
      quiet: () =>
        eventually(async () => {
          const state = await files.state();
          const standing = Object.values(state.members).map(({ plan, status }) => `${plan.name} ${status}`);
          expect(standing.filter((one) => /working|starting|needs_approval/.test(one))).toEqual([]);
          expect(state.lead.turn).toBeUndefined();
          expect(await files.waitingMail(["lead", ...Object.keys(state.members)])).toEqual([]);
        }, PATIENCE),
    };
    if (options.settle !== false) {
      // A brief is written just after the state that speaks of it.
      await eventually(async () => {
        for (const one of actors.keys()) expect((await files.inbox(one)).processed).toHaveLength(1);
      }, PATIENCE);
      await made.quiet();
    }
    return made;
  }

  return {
    get bench() {
      return bench();
    },
    get host() {
      return bench().host;
    },
    get model() {
      return bench().model;
    },
    get baseDir() {
      return baseDirOf(bench().host.home);
    },
    actor,
    outsider,
    team,
  };
}

/** Turns are recorded a moment after they are over; a member that has ended has none any more. */
async function recordedTurns(files: RunFolder, name: string): Promise<() => Promise<void>> {
  const turns = async (): Promise<number> => {
    const member = (await files.state()).members[name];
    return member === undefined || member.status === "done" ? Number.POSITIVE_INFINITY : member.usage.turns;
  };
  const before = await turns();
  return () =>
    eventually(async () => {
      if ((await turns()) <= before && before < Number.POSITIVE_INFINITY)
        throw new Error(`the turn of ${name} is not recorded`);
    });
}

function isBriefOf(request: Omit<ModelRequest, "speaker">, member: string, team: string): boolean {
  return request.lastUserText.includes(`You are ${member}, a member of the team "${team}".`);
}

/** The JSON of a tool's answer; fails with the text that came in its place. */
export function answerOf(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch (cause) {
    throw new Error(`expected the JSON answer of a tool, got: ${text}`, { cause });
  }
}
