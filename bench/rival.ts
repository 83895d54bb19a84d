import type { Bench } from "../test/support/bench.ts";
import { call, calls, gate, once, type Reply, say } from "../test/support/model-replies.ts";
import { type ModelRequest, mentions } from "../test/support/model-request.ts";
import { isOf, quiet } from "./roads.ts";
import { number, type Section } from "./section.ts";
import { openSide } from "./sides.ts";
import { median, p95 } from "./statistics.ts";

const IDLE_ROUNDS = 15;
const JUST_IDLE_ROUNDS = 50;
const BURST = 100;

/** Past it a message counts as not delivered. */
const PATIENCE_MS = 20_000;

/** Whoever was woken three times is woken once a second from then on: a recipient that has been idle for a while is measured. */
const RESTED_MS = 1_100;

/** A lead and one member in a real host. */
interface Pair {
  readonly bench: Bench;
  readonly lead: string;
  readonly member: string;
}

/** When the host began and ended the call, and when the recipient's model was asked with the text. Epoch milliseconds. */
interface Way {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly requestedAt: number;
}

/** The four figures of the best rival in this host, measured on ourselves in the same shape. */
export async function measureRival(): Promise<Section> {
  await using bench = await openSide("on");
  const pair = await openPair(bench);
  const ways: Way[] = [];
  for (let round = 1; round <= IDLE_ROUNDS; round += 1) ways.push(await toIdle(pair, `note ${round} idle.`));
  const justIdle = Array.from({ length: JUST_IDLE_ROUNDS }, (_, at) => `note ${at + 1} just.`);
  let delivered = 0;
  for (const text of justIdle) delivered += (await toJustIdle(pair, text)) ? 1 : 0;
  await quiet(bench);
  const burst = await burstToLead(pair);

  const requests = bench.model.requestsOf(pair.member).filter(({ kind }) => kind === "turn");
  const twice = justIdle.filter((text) => mentions(requests.at(-1)!, text) > 1).length;
  const lost = lostShares(requests);
  const times = (from: "startedAt" | "endedAt"): readonly number[] =>
    ways.map((way) => way.requestedAt - way[from]);
  const ms = (samples: readonly number[]): string =>
    `${number(median(samples))} ms (${number(p95(samples))})`;
  return {
    title: "Beside the best rival",
    method: [
      "Figures of the best other plugin in the same host, as this project's task states them, and ours of this run in the same shape; its times are another machine's, its counts compare as they are.",
      `Idle: from the sender's call to the request of a recipient that has rested for a second, ${IDLE_ROUNDS} times, median and 95th percentile.`,
      `Just gone idle: the sender's model makes the call in the moment in which the host tells that the recipient's turn has ended, ${JUST_IDLE_ROUNDS} times; a message counts as shown more than once if it stands twice in the recipient's last request.`,
      `Burst: ${BURST} messages that a member sends to an idle lead with ${BURST} calls of one step.`,
      "Not reusable: what of a member's request, in characters of tools and messages, does not stand at the beginning of its next one, where a provider's prompt cache looks for it.",
    ].join(" "),
    header: ["", "the best rival", "flotilla"],
    lines: [
      ["idle recipient, from the tool's result to the request", "253 ms", ms(times("endedAt"))],
      ["idle recipient, from the tool's start to the request", "663 ms", ms(times("startedAt"))],
      [
        "just gone idle: not delivered within 20 s",
        "16 of 50",
        `${JUST_IDLE_ROUNDS - delivered} of ${JUST_IDLE_ROUNDS}`,
      ],
      ["just gone idle: shown as new more than once", "24 of 50", `${twice} of ${JUST_IDLE_ROUNDS}`],
      [
        "burst to the lead: shown as new more than once",
        `93 of ${BURST}, up to 12 times`,
        `${burst.twice} of ${BURST}`,
      ],
      ["burst to the lead: requests that brought it", "12", String(burst.requests)],
      [
        "a member's earlier request, not reusable in its next one",
        "44 %",
        `${percent(median(lost))} (most: ${percent(Math.max(...lost))}; ${lost.length} pairs)`,
      ],
    ],
    notes: [],
  };
}

async function openPair(bench: Bench): Promise<Pair> {
  const { host, model } = bench;
  const { id: lead } = await host.session({ title: "lead" });
  // The member ends its turns without a word: a last word would reach the lead whenever it likes.
  model.script((request) => {
    if (request.sessionId === lead) return leadStep(request);
    return request.kind === "turn" ? say("") : undefined;
  });
  await host.prompt(lead, "Please make a team.");
  const first = await model.request((request) => request.parentSessionId === lead);
  return { bench, lead, member: first.sessionId! };
}

function leadStep(request: ModelRequest): Reply {
  if (request.toolResultsSinceLastUser.length > 0) return say("Done.");
  const [, text] = /^Send (note \d+ \w+\.)$/.exec(request.lastUserText.trim()) ?? [];
  if (text !== undefined) return sending(text);
  if (!request.lastUserText.includes("make a team")) return say("Noted.");
  const scout = { name: "scout", subagent_type: "general", prompt: "Read what you are sent." };
  return call("team_create", { inline_spec: { name: "pair", members: [scout] } });
}

function sending(body: string): Reply {
  return call("team_send_message", { to: "scout", body });
}

async function toIdle(pair: Pair, text: string): Promise<Way> {
  const { bench, lead, member } = pair;
  await quiet(bench);
  await Bun.sleep(RESTED_MS);
  const ended = bench.host.event(({ properties }) => timesOf(properties["part"], lead, text) !== undefined);
  const request = bench.model.request((one) => one.sessionId === member && mentions(one, text) > 0);
  await bench.host.promptAsync(lead, `Send ${text}`);
  const { start, end } = timesOf((await ended).properties["part"], lead, text)!;
  return { startedAt: start, endedAt: end, requestedAt: (await request).receivedAt };
}

/** Whether the text came in time, though it was sent when the recipient's turn had just ended. */
async function toJustIdle({ bench, lead, member }: Pair, text: string): Promise<boolean> {
  const { host, model } = bench;
  const door = gate();
  model.script((request) =>
    request.sessionId === lead && request.lastUserText.trim() === `Send ${text}` && isFirst(request)
      ? once(door, sending(text))
      : undefined,
  );
  const asked = model.request((one) => one.sessionId === lead && mentions(one, `Send ${text}`) > 0);
  await host.promptAsync(lead, `Send ${text}`);
  await asked;
  const askedAt = Date.now();
  const idle = host.event(
    ({ type, properties, receivedAt }) =>
      receivedAt >= askedAt && type === "session.idle" && properties["sessionID"] === member,
  );
  await host.promptAsync(member, "Work.", { agent: "general" });
  await idle;
  door.open();
  const carries = (one: ModelRequest): boolean => one.sessionId === member && mentions(one, text) > 0;
  return model.request(carries, { timeoutMs: PATIENCE_MS }).then(
    () => true,
    () => false,
  );
}

function isFirst({ toolResultsSinceLastUser }: ModelRequest): boolean {
  return toolResultsSinceLastUser.length === 0;
}

async function burstToLead({ bench, lead, member }: Pair): Promise<{ twice: number; requests: number }> {
  const { host, model } = bench;
  const texts = Array.from({ length: BURST }, (_, at) => `report ${at + 1} of the burst.`);
  model.script((request) =>
    request.sessionId === member && request.lastUserText.trim() === "Report." && isFirst(request)
      ? calls(texts.map((body) => ["team_send_message", { to: "lead", body }] as const))
      : undefined,
  );
  const before = model.requestsOf(lead).length;
  await host.promptAsync(member, "Report.", { agent: "general" });
  await model.request((one) => one.sessionId === lead && texts.every((text) => mentions(one, text) > 0), {
    timeoutMs: 120_000,
  });
  await quiet(bench);
  const requests = model.requestsOf(lead).slice(before);
  const held = (one: ModelRequest | undefined): number =>
    one === undefined ? 0 : texts.filter((text) => mentions(one, text) > 0).length;
  return {
    twice: texts.filter((text) => mentions(requests.at(-1)!, text) > 1).length,
    requests: requests.filter((one, at) => held(one) > held(requests[at - 1])).length,
  };
}

/** When the call that sent `text` began and ended, if this part is that call and has ended. */
function timesOf(part: unknown, session: string, text: string): { start: number; end: number } | undefined {
  if (!isOf(part, session) || part["tool"] !== "team_send_message") return undefined;
  const { status, input, time } = part["state"] as {
    status: string;
    input?: { body?: string };
    time: { start: number; end: number };
  };
  return status === "completed" && input?.body === text ? time : undefined;
}

/** Of each request but the last, the share that its successor does not begin with. */
function lostShares(requests: readonly ModelRequest[]): readonly number[] {
  return requests.slice(1).map((later, at) => {
    const earlier = partsOf(requests[at]!);
    const next = partsOf(later);
    const changed = earlier.findIndex((part, place) => part !== next[place]);
    const kept = changed < 0 ? earlier : earlier.slice(0, changed);
    return 1 - lengthOf(kept) / lengthOf(earlier);
  });
}

/** A request in the order in which a provider reads it. */
function partsOf({ body }: ModelRequest): readonly string[] {
  const messages = Array.isArray(body["messages"]) ? body["messages"] : [];
  return [body["tools"], ...messages].map((part) => JSON.stringify(part));
}

function lengthOf(parts: readonly string[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
