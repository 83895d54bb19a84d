import { expect } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { LEAD } from "../../src/core/ids.ts";
import type { Message } from "../../src/core/message.ts";
import { mailIn } from "../e2e/envelopes.ts";
import { type Actor, answerOf, SILENCE, type Stage, type Team } from "../e2e/stage.ts";
import { Chance } from "../simulation/chance.ts";
import { eventually } from "../support/eventually.ts";
import { textOf } from "../support/host-api.ts";
import { calls, type Reply } from "../support/model-replies.ts";
import { type ModelRequest, toolResults } from "../support/model-request.ts";

export interface StormOptions {
  readonly members: number;
  /** So many messages reach an inbox before everybody falls silent. */
  readonly messages: number;
  readonly seed: number;
  /** Told after every step, with the steps so far. */
  readonly onStep?: (steps: number) => void;
  readonly timeoutMs: number;
}

/** What a storm was like, once every promise has been checked. */
export interface StormReport {
  /** Messages of senders, one an inbox. */
  readonly messages: number;
  /** With those that the plugin itself wrote. */
  readonly delivered: number;
  /** Prompts of the host that carried them, and the length of all of those. */
  readonly prompts: number;
  readonly characters: number;
  /** Of members; the lead's are not counted by anybody. */
  readonly turns: number;
  /** Model calls, of members and lead. */
  readonly steps: number;
  readonly seconds: number;
}

/** Those that a member writes in one step, at most; a lead has more to say. */
const MEMBER_BURST = 3;
const LEAD_BURST = 5;

/** What lies in a run's folder while it lives: nothing else may. */
const AT_REST =
  /^(state\.json|journal\.jsonl|owner\.json|status\.(json|txt)|status\/[a-z0-9-]+\.json|inboxes\/[a-z0-9-]+\/processed\/[A-Za-z0-9_-]+\.json)$/;

/**
 * A team in which everybody writes to everybody: bursts, broadcasts of the lead, answers. Sends `messages` through real
 * calls of the model, waits until all is quiet, and checks every promise against those who know: the run's folder, the
 * host's own store, and what models were sent. Ends the team and looks what is left.
 */
export async function storm(play: Stage, options: StormOptions): Promise<StormReport> {
  const names = Array.from({ length: options.members }, (_, at) => `member-${at + 1}`);
  const team = await play.team(names);
  const people: readonly (readonly [string, Actor])[] = [
    [LEAD, team.lead],
    ...names.map((name) => [name, team.member(name)] as const),
  ];
  const startedAt = performance.now();
  const turnsBefore = await turnsOf(team);
  const talk = new Talk(people, options);
  let steps = 0;
  play.model.script((request) => {
    const reply = talk.answer(request);
    if (reply === undefined) return undefined;
    steps += 1;
    options.onStep?.(steps);
    return reply;
  });
  await goOnUntilSilent(play, team, talk, options);
  // Whoever waited for a slot all the time has most of it still to read.
  const everybody = people.map(([name]) => name);
  await eventually(async () => expect(await team.files.waitingMail(everybody)).toEqual([]), {
    timeoutMs: options.timeoutMs,
    everyMs: 250,
  });
  await team.quiet();
  const seconds = (performance.now() - startedAt) / 1_000;

  const mail = await mailOf(team, people);
  expectPromised(mail, people);
  const { prompts, characters } = await expectOnceInTheHost(play, mail, people);
  expectSeen(mail, people);
  expect((await filesBelow(team.files.path)).filter((file) => !AT_REST.test(file))).toEqual([]);
  const turns = (await turnsOf(team)) - turnsBefore;
  play.model.unscript();
  await expectOnlyTheArchive(play, team);
  return {
    messages: talk.sent,
    delivered: mail.length,
    prompts,
    characters,
    turns,
    steps,
    seconds,
  };
}

/** What the models of a storm say. */
class Talk {
  readonly #names: ReadonlyMap<string, string>;
  readonly #chance: Chance;
  readonly #most: number;
  readonly #answered = new Set<string>();
  #planned = 0;
  sent = 0;

  constructor(people: readonly (readonly [string, Actor])[], { seed, messages }: StormOptions) {
    this.#names = new Map(people.map(([name, actor]) => [actor.sessionId, name]));
    this.#chance = new Chance(seed);
    this.#most = messages;
  }

  get isOver(): boolean {
    return this.sent >= this.#most;
  }

  answer(request: ModelRequest): Reply | undefined {
    const me = this.#names.get(request.sessionId ?? "");
    if (me === undefined || request.kind !== "turn") return undefined;
    this.#count(request);
    // One burst for each piece of news; the step after it ends the turn, unless there is more to read.
    if (request.toolResultsSinceLastUser.length > 0 || this.isOver) return SILENCE;
    const letters = Array.from(
      { length: this.#chance.between(1, me === LEAD ? LEAD_BURST : MEMBER_BURST) },
      () => ["team_send_message", this.#letter(me)] as const,
    );
    return calls(letters);
  }

  #letter(me: string): { readonly to: string; readonly body: string } {
    this.#planned += 1;
    const others = [...this.#names.values()].filter((name) => name !== me);
    const to = me === LEAD && this.#chance.happens(0.2) ? "*" : this.#chance.oneOf(others);
    return { to, body: `Message ${this.#planned} of ${me}.` };
  }

  /** What was answered to earlier calls, once each. */
  #count(request: ModelRequest): void {
    for (const { callId, text, name } of toolResults(request)) {
      if (this.#answered.has(callId) || name !== "team_send_message" || !text.startsWith("{")) continue;
      this.#answered.add(callId);
      this.sent += (answerOf(text)["delivered"] as readonly unknown[]).length;
    }
  }
}

/** A person sets the lead going whenever it has gone quiet too early. */
async function goOnUntilSilent(
  play: Stage,
  { lead }: Team,
  talk: Talk,
  { timeoutMs }: StormOptions,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!talk.isOver) {
    if (performance.now() > deadline)
      throw new Error(`only ${talk.sent} messages were sent in ${timeoutMs} ms\n${await play.host.report()}`);
    await play.host.prompt(lead.sessionId, "Go on.", { agent: lead.agent, timeoutMs });
  }
}

/** Every message of the run, as it lies in its inbox when all is quiet. */
async function mailOf(
  team: Team,
  people: readonly (readonly [string, Actor])[],
): Promise<readonly Message[]> {
  const mail: Message[] = [];
  for (const [name] of people) {
    const { ready, reserved, batches, dead, processed } = await team.files.inbox(name);
    expect({ name, ready, reserved, batches, dead }).toEqual({
      name,
      ready: [],
      reserved: [],
      batches: [],
      dead: [],
    });
    for (const file of processed) {
      const text = await readFile(join(team.files.path, "inboxes", name, "processed", file), "utf8");
      mail.push(JSON.parse(text) as Message);
    }
  }
  return mail.toSorted((one, other) => one.seq - other.seq);
}

/** Each call that was answered has left a message, and there is none that nobody was answered for. */
function expectPromised(mail: readonly Message[], people: readonly (readonly [string, Actor])[]): void {
  const promised = people.flatMap(([from, actor]) =>
    toolResults(actor.newest()).flatMap(({ name, text }) => {
      if (name !== "team_send_message" || !text.startsWith("{")) return [];
      const { messageId, delivered } = answerOf(text);
      return (delivered as readonly { to: string }[]).map(({ to }) => `${messageId} ${from}>${to}`);
    }),
  );
  const written = mail.filter(({ kind }) => kind === "message");
  expect(written.map(({ messageId, from, to }) => `${messageId} ${from}>${to}`).toSorted()).toEqual(
    promised.toSorted(),
  );
}

/** In the host's own store each message stands once, and those of one sender in their order. */
async function expectOnceInTheHost(
  play: Stage,
  mail: readonly Message[],
  people: readonly (readonly [string, Actor])[],
): Promise<Pick<StormReport, "prompts" | "characters">> {
  let prompts = 0;
  let characters = 0;
  for (const [name, actor] of people) {
    const texts = (await play.host.messages(actor.sessionId)).map(textOf);
    const ours = texts.filter((text) => text.startsWith("<peer_message "));
    prompts += ours.length;
    characters += ours.reduce((sum, text) => sum + text.length, 0);
    const stored = [
      ...ours.join("\n").matchAll(/<peer_message from="([^"]*)" kind="[^"]*" messageId="([^"]*)"/g),
    ].map(([, from = "", messageId = ""]) => ({ from, messageId }));
    const owed = mail.filter(({ to }) => to === name);
    expect(stored.map(({ messageId }) => messageId).toSorted()).toEqual(
      owed.map(({ messageId }) => messageId).toSorted(),
    );
    for (const sender of new Set(owed.map(({ from }) => from))) {
      expect(stored.filter(({ from }) => from === sender).map(({ messageId }) => messageId)).toEqual(
        owed.filter(({ from }) => from === sender).map(({ messageId }) => messageId),
      );
    }
  }
  return { prompts, characters };
}

/** The newest request that a model has answered holds all that it was ever sent: nothing was compacted. */
function expectSeen(mail: readonly Message[], people: readonly (readonly [string, Actor])[]): void {
  for (const [name, actor] of people) {
    const newest = actor.requests().findLast(({ outcome }) => outcome === "answered");
    const seen = newest === undefined ? [] : mailIn(newest).map(({ messageId }) => messageId);
    expect(seen.toSorted()).toEqual(
      mail
        .filter(({ to }) => to === name)
        .map(({ messageId }) => messageId)
        .toSorted(),
    );
  }
}

async function expectOnlyTheArchive(play: Stage, team: Team): Promise<void> {
  await team.lead.uses("team_delete", { force: true });
  await eventually(async () => expect(await readdir(join(play.baseDir, "runs"))).not.toContain(team.runId));
  // The lead's own turn goes on while its run is archived, and its lease may be taken in that very moment.
  const isLeft = (file: string): boolean => !AT_REST.test(file) && !file.startsWith("sessions/");
  const left = (await filesBelow(team.files.archivePath)).filter(isLeft);
  expect(left).toEqual([]);
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

/** Turns that the members have had. */
async function turnsOf(team: Team): Promise<number> {
  const { members } = await team.files.state();
  return Object.values(members).reduce((sum, { usage }) => sum + usage.turns, 0);
}
