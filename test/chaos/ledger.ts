import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Message } from "../../src/core/message.ts";
import type { RunState } from "../../src/core/run.ts";
import { mailIn, mailOf } from "../e2e/envelopes.ts";
import type { Team } from "../e2e/stage.ts";
import { type StoredMessage, textOf } from "../support/host-api.ts";
import type { ModelRequest } from "../support/model-request.ts";

/** What became of a team's mail, one line for each thing that should not be so. */
export interface Account {
  /** Committed so far, a broadcast once for each recipient. */
  readonly messages: number;
  /** Answered or committed, and not in `processed/`, not in the transcript, or never sent to the model. */
  readonly lost: readonly string[];
  /** More than once in a transcript or in one list that went to a model, or there without having been committed. */
  readonly doubled: readonly string[];
  /** Behind a later message of the same sender to the same recipient. */
  readonly disordered: readonly string[];
  /** Files of mail that are neither acked nor given up. */
  readonly reserved: readonly string[];
  /** Participants that do not simply wait for mail: only a person could move them. */
  readonly stuck: readonly string[];
}

/** What every account has to be, whatever was killed and when. */
export const CLEAN: Faults = {
  lost: [],
  doubled: [],
  disordered: [],
  reserved: [],
  stuck: [],
};

/** How often each message stood in the fullest list that its recipient's model was sent. */
export class SentLists {
  readonly #most = new Map<string, number>();

  note(requests: readonly ModelRequest[]): void {
    for (const request of requests) {
      if (request.kind !== "turn" || request.sessionId === undefined) continue;
      const times = new Map<string, number>();
      for (const { messageId } of mailIn(request)) times.set(messageId, (times.get(messageId) ?? 0) + 1);
      for (const [messageId, count] of times) {
        const key = `${request.sessionId} ${messageId}`;
        this.#most.set(key, Math.max(count, this.#most.get(key) ?? 0));
      }
    }
  }

  most(sessionId: string, messageId: string): number {
    return this.#most.get(`${sessionId} ${messageId}`) ?? 0;
  }
}

interface FiledMessage {
  readonly messageId: string;
  readonly from: string;
  readonly seq: number;
  readonly place: string;
}

type Faults = Omit<Account, "messages">;

/** Reads the run's folder, the host's own store and what the models were sent, and compares the three. */
export async function audit(
  team: Team,
  transcriptOf: (sessionId: string) => Promise<readonly StoredMessage[]>,
  sent: SentLists,
): Promise<Account> {
  const state = await team.files.state();
  const inboxes = new Map<string, readonly FiledMessage[]>();
  for (const name of seatsOf(state).keys()) inboxes.set(name, await filedIn(team, name));
  const messages = [...inboxes.values()].flat().length;
  const missing = `${state.messages} are committed, ${messages} in inboxes`;
  const { reserved, stuck } = await standing(team);
  const found: Faults[] = [{ ...CLEAN, reserved, stuck, lost: state.messages === messages ? [] : [missing] }];
  for (const [name, sessionId] of seatsOf(state)) {
    const transcript = await transcriptOf(sessionId);
    const filed = inboxes.get(name) ?? [];
    found.push(compare(name, filed, transcript, (messageId) => sent.most(sessionId, messageId)));
    found.push({ ...CLEAN, lost: unfiled(transcript, inboxes) });
  }
  return {
    messages,
    lost: found.flatMap(({ lost }) => lost),
    doubled: found.flatMap(({ doubled }) => doubled),
    disordered: found.flatMap(({ disordered }) => disordered),
    reserved: found.flatMap((one) => one.reserved),
    stuck: found.flatMap((one) => one.stuck),
  };
}

/** One recipient's inbox, its transcript, and the lists that its model was sent. */
function compare(
  name: string,
  filed: readonly FiledMessage[],
  transcript: readonly StoredMessage[],
  inOneList: (messageId: string) => number,
): Faults {
  const stands = mailInTranscript(transcript);
  const lost: string[] = [];
  const doubled: string[] = [];
  for (const { messageId, place } of filed) {
    const times = stands.filter((one) => one === messageId).length;
    const lists = inOneList(messageId);
    if (place !== "processed") lost.push(`${messageId} to ${name} is in ${place}`);
    if (times === 0) lost.push(`${messageId} is not in the transcript of ${name}`);
    if (lists === 0) lost.push(`${messageId} was never sent to the model of ${name}`);
    if (times > 1) doubled.push(`${messageId} stands ${times} times in the transcript of ${name}`);
    if (lists > 1) doubled.push(`${messageId} was sent ${lists} times in one list to ${name}`);
  }
  for (const messageId of new Set(stands)) {
    if (!filed.some((one) => one.messageId === messageId))
      doubled.push(`${messageId} in the transcript of ${name} was never committed`);
  }
  const stuck = isLeftLying(transcript) ? [`${name} has not gone on with what its mail began`] : [];
  return { ...CLEAN, lost, doubled, stuck, disordered: outOfOrder(name, stands, filed) };
}

/** What is left to do, by the run's folder alone. */
export async function standing({ files }: Team): Promise<Pick<Account, "reserved" | "stuck">> {
  const state = await files.state();
  return { reserved: await files.waitingMail([...seatsOf(state).keys()]), stuck: stuckIn(state) };
}

/** Every participant with its session. */
function seatsOf(state: RunState): ReadonlyMap<string, string> {
  const members = Object.values(state.members).map(
    ({ plan, sessionId }) => [plan.name, sessionId ?? ""] as const,
  );
  return new Map([["lead", state.lead.sessionId], ...members]);
}

async function filedIn({ files }: Team, recipient: string): Promise<readonly FiledMessage[]> {
  const { ready, reserved, processed, dead } = await files.inbox(recipient);
  const places = [
    ...ready.map((file) => ["ready", file] as const),
    ...reserved.map((file) => ["reserved", file] as const),
    ...processed.map((file) => ["processed", `processed/${file}`] as const),
    ...dead.filter((file) => !file.endsWith(".reason.json")).map((file) => ["dead", `dead/${file}`] as const),
  ];
  return Promise.all(
    places.map(async ([place, file]) => {
      const text = await readFile(join(files.path, "inboxes", recipient, file), "utf8");
      const { messageId, from, seq } = JSON.parse(text) as Message;
      return { messageId, from, seq, place };
    }),
  );
}

function mailInTranscript(transcript: readonly StoredMessage[]): readonly string[] {
  return transcript
    .filter(({ info }) => info.role === "user")
    .flatMap((message) => mailOf(textOf(message)))
    .map(({ messageId }) => messageId);
}

/** The newest prompt is mail, and the turn that it was in is not at its end. One that a person typed is that person's. */
function isLeftLying(transcript: readonly StoredMessage[]): boolean {
  const prompt = transcript.findLast(({ info }) => info.role === "user");
  const newest = transcript.at(-1)?.info;
  if (prompt === undefined || mailOf(textOf(prompt)).length === 0) return false;
  return newest?.role !== "assistant" || newest.finish !== "stop";
}

function outOfOrder(
  recipient: string,
  stands: readonly string[],
  filed: readonly FiledMessage[],
): readonly string[] {
  const newest = new Map<string, number>();
  const wrong: string[] = [];
  for (const messageId of new Set(stands)) {
    const message = filed.find((one) => one.messageId === messageId);
    if (!message) continue;
    if (message.seq < (newest.get(message.from) ?? 0))
      wrong.push(`${messageId} of ${message.from} stands behind a later one at ${recipient}`);
    newest.set(message.from, message.seq);
  }
  return wrong;
}

/** Messages that a tool has answered for, by the sender's own transcript, and that no inbox has. */
function unfiled(
  transcript: readonly StoredMessage[],
  inboxes: ReadonlyMap<string, readonly FiledMessage[]>,
): readonly string[] {
  return transcript
    .flatMap(({ parts }) => parts)
    .flatMap((part) =>
      part.type === "tool" && part.tool === "team_send_message" && part.state.status === "completed"
        ? [JSON.parse(part.state.output) as { messageId: string; delivered: readonly { to: string }[] }]
        : [],
    )
    .flatMap(({ messageId, delivered }) =>
      delivered
        .filter(({ to }) => !inboxes.get(to)?.some((one) => one.messageId === messageId))
        .map(({ to }) => `${messageId} to ${to} was answered and is in no inbox`),
    );
}

function stuckIn(state: RunState): readonly string[] {
  const lead = state.lead.turn || state.lead.heldByPerson ? ["lead is in a turn or held"] : [];
  const members = Object.values(state.members)
    .filter(({ status, heldByPerson }) => status !== "waiting" || heldByPerson)
    .map(({ plan, status, reason }) => `${plan.name} is ${status} (${reason ?? "held by a person"})`);
  return [...lead, ...members];
}
