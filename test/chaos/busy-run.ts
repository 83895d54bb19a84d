import type { Stage, Team } from "../e2e/stage.ts";
import { SILENCE } from "../e2e/stage.ts";
import { after, calls, type Reply } from "../support/model-replies.ts";
import type { ModelRequest } from "../support/model-request.ts";
import { type Account, SentLists } from "./ledger.ts";
import { account } from "./passages.ts";

const MEMBERS = ["ada", "bo", "cy", "di", "eve"] as const;

/** Nothing but the kills is to end a turn or a run. */
export const UNBOUNDED: Readonly<Record<string, unknown>> = {
  enabled: true,
  max_parallel_members: MEMBERS.length,
  max_member_turns: 1_000_000,
  max_messages_per_run: 1_000_000,
  max_wall_clock_minutes: 100_000,
};

/** A life that sees work lasts up to this long after the first model call: most turns end, and many are cut. */
const LONGEST_LIFE_MS = 1_500;
/** One in this many dies while it starts, before it has taken the run up, or while it does. */
const STILLBORN_IN = 4;
const LONGEST_START_MS = 600;
/** A cold start on a loaded machine, and the longest back-off that a few kills in a row bring about. */
const WORKS_WITHIN_MS = 60_000;
/** How long a model thinks, so that a kill finds turns at work. */
const LONGEST_THOUGHT_MS = 150;

/** The environment's, or one of its own; it stands with the result, so that a run can be repeated. */
export function seedOf(): number {
  return Number(process.env["FLOTILLA_CHAOS_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
}

/** A sequence of fractions, 0 <= x < 1, that the seed decides. */
type Chance = () => number;

/** Mulberry32: good enough to scatter kills, and the same everywhere. */
function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Five members and their lead who write to each other without end, on a host that is killed at random times and started
 * again. Nobody prompts anybody: what is on its way, and what the crash brings, has to keep them going. Answers what became
 * of all mail once they have stopped writing.
 */
export async function killBusyRun(play: Stage, kills: number, seed: number): Promise<Account> {
  const team = await play.team(MEMBERS);
  const sent = new SentLists();
  const chance = chanceOf(seed);
  let writing = true;
  const letters = letterWriter(team, chanceOf(seed + 1));
  play.model.script((request) => (writing ? letters(request) : undefined));
  await play.host.promptAsync(team.lead.sessionId, "Keep your team talking.", { agent: team.lead.agent });
  // From here on it goes on by itself: the lead's first turn, which a person began, has brought its letter.
  // The model still has the requests of earlier runs, and their letters.
  const members = new Set(MEMBERS.map((name) => team.member(name).sessionId));
  await play.model.request(
    ({ sessionId = "", lastUserText }) => members.has(sessionId) && lastUserText.includes(">Letter "),
  );
  for (let kill = 0; kill < kills; kill += 1) {
    const stillborn = kill > 0 && chance() < 1 / STILLBORN_IN;
    if (!stillborn && !(await works(play)))
      return account(play, team, sent, [`nobody goes on in life ${kill + 1}`]);
    await passes(chance() * (stillborn ? LONGEST_START_MS : LONGEST_LIFE_MS));
    await play.host.kill9();
    sent.note(play.model.forget());
    await play.host.start();
    // The first request for the directory starts the plugin. Killed meanwhile, it is never answered.
    play.host.status().catch(() => undefined);
  }
  writing = false;
  await play.host.status();
  return account(play, team, sent);
}

/** Whether anybody's model is asked for anything in this life. */
function works(play: Stage): Promise<boolean> {
  return play.model
    .request((request) => request.kind === "turn", { timeoutMs: WORKS_WITHIN_MS })
    .then(() => true)
    .catch(() => false);
}

/** Who is told something tells somebody something: one or two letters, the lead sometimes to everybody. */
function letterWriter(team: Team, chance: Chance): (request: ModelRequest) => Reply | undefined {
  const names = new Map([
    [team.lead.sessionId, "lead"],
    ...MEMBERS.map((name) => [team.member(name).sessionId, name] as const),
  ]);
  let written = 0;
  return (request) => {
    const self = names.get(request.sessionId ?? "");
    if (self === undefined || request.kind !== "turn") return undefined;
    if (request.toolResultsSinceLastUser.length > 0) return after(chance() * LONGEST_THOUGHT_MS, SILENCE);
    const others = [...names.values()].filter((name) => name !== self);
    // The first one to all: what is answered within a turn that a person began is the person's to repeat, if that is cut off.
    const toAll = written === 0 || (self === "lead" && chance() < 0.25);
    const to = toAll ? "*" : (others[Math.floor(chance() * others.length)] ?? "lead");
    const letter = (): readonly [string, unknown] => {
      written += 1;
      return ["team_send_message", { to, body: `Letter ${written} of ${self}` }];
    };
    return after(chance() * LONGEST_THOUGHT_MS, calls(chance() < 0.25 ? [letter(), letter()] : [letter()]));
  };
}

/** A random time is what is tested here: there is nothing to wait for. */
function passes(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
