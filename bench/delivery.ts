import type { Bench } from "../test/support/bench.ts";
import { eventually } from "../test/support/eventually.ts";
import { call, type Gate, gate, once, type Reply, say } from "../test/support/model-replies.ts";
import { type ModelRequest, mentions } from "../test/support/model-request.ts";
import { COMPARISON_HEADER, comparisonLine, type Section } from "./section.ts";
import { inTurn, openSide } from "./sides.ts";

const ROUNDS = 15;

/** The first turns of a process boot half of the host; they do not count. */
const WARM_UP = 3;

const AIM = { atMostMore: 20 };

/** One delivery: when it was said to be on its way, and when the model was asked with it. Epoch milliseconds. */
interface Delivery {
  readonly sentAt: number;
  readonly requestedAt: number;
}

/** A host in which one session can be sent something. */
interface Road {
  readonly bench: Bench;
  readonly recipient: string;
  /** Sends the text; resolves to the moment from which its way is measured. */
  send(text: string): Promise<number>;
}

export async function measureDelivery(): Promise<Section> {
  await using bare = await openSide("bare");
  await using on = await openSide("on");
  const roads = {
    alone: await bareRoad(bare, false),
    beside: await bareRoad(bare, true),
    ours: await teamRoad(on),
  };
  const sides = ["alone", "beside", "ours"] as const;
  const idle: Record<(typeof sides)[number], number[]> = { alone: [], beside: [], ours: [] };
  const busy: typeof idle = { alone: [], beside: [], ours: [] };
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    for (const side of inTurn(sides, Math.abs(round))) {
      const [toIdle, toBusy] = await sendTwo(roads[side], `${side}-${round + WARM_UP}`);
      if (round < 0) continue;
      idle[side].push(toIdle.requestedAt - toIdle.sentAt);
      busy[side].push(toBusy.requestedAt - toBusy.sentAt);
    }
  }
  const line = (what: string, bareTimes: readonly number[], ours: readonly number[]): readonly string[] =>
    comparisonLine({ what, unit: "ms", bare: bareTimes, ours, aim: AIM });
  return {
    title: "Delivery",
    method: [
      "Until the request that carries the text arrives at the recipient's model server.",
      "With flotilla: from the moment at which the host ends the lead's `team_send_message` call (`state.time.end` of its tool part: the model has its answer, the message is on disk), to a member.",
      "Bare: from just before `POST /session/:id/prompt_async` to a child session of a host without the plugin; once with nothing else going on, and once at the moment at which another session's tool call has ended, as it is when a lead sends: then that session's next step runs beside the delivery, on the host's one thread, and this alone costs the difference between the two.",
      "Idle: no turn of the recipient runs. Busy: a step of it is held open by its model and ends as soon as the host tells that it has stored the text, so the next step is the first one that can carry it.",
      "Clocks have a resolution of 1 ms.",
    ].join(" "),
    header: COMPARISON_HEADER,
    lines: [
      line("idle recipient; bare: beside another session's step", idle.beside, idle.ours),
      line("busy recipient; bare: beside another session's step", busy.beside, busy.ours),
      line("idle recipient; bare: nothing else going on", idle.alone, idle.ours),
      line("busy recipient; bare: nothing else going on", busy.alone, busy.ours),
    ],
    notes: [],
  };
}

async function sendTwo(road: Road, round: string): Promise<readonly [Delivery, Delivery]> {
  const { bench, recipient } = road;
  await quiet(bench);
  const held = gate();
  const first = `note ${round} idle.`;
  const second = `note ${round} busy.`;
  holdAnswers(bench, recipient, first, second, held);
  const toIdle = await deliver(road, first);
  const stored = bench.host.event(
    ({ type, properties }) =>
      type === "message.part.updated" &&
      isOf(properties["part"], recipient) &&
      JSON.stringify(properties).includes(second),
  );
  const toBusy = deliver(road, second);
  await stored;
  held.open();
  return [toIdle, await toBusy];
}

async function deliver({ bench, recipient, send }: Road, text: string): Promise<Delivery> {
  const request = bench.model.request(
    (one) => one.sessionId === recipient && one.kind === "turn" && mentions(one, text) > 0,
  );
  const sentAt = await send(text);
  return { sentAt, requestedAt: (await request).receivedAt };
}

/** The step that is first sent `first` stays open until `held` opens; everything later is answered at once. */
function holdAnswers(bench: Bench, recipient: string, first: string, second: string, held: Gate): void {
  bench.model.script((request) =>
    request.sessionId === recipient && mentions(request, first) > 0 && mentions(request, second) === 0
      ? once(held, say("Read."))
      : undefined,
  );
}

/** No turn runs, and none began for 400 ms: a member's last word has reached its lead by then. */
async function quiet({ host, model }: Bench): Promise<void> {
  await eventually(
    async () => {
      const busy = Object.keys(await host.status());
      const newest = model.requests.at(-1)?.receivedAt ?? 0;
      if (busy.length > 0 || Date.now() - newest < 400)
        throw new Error(`sessions still work: ${busy.join(", ")}`);
    },
    { timeoutMs: 30_000 },
  );
}

/** @param beside the prompt is posted when a tool call of the parent has ended. */
async function bareRoad(bench: Bench, beside: boolean): Promise<Road> {
  const { host, model } = bench;
  const { id: parent } = await host.session({ title: "parent" });
  model.script((request) => {
    if (request.sessionId !== parent) return undefined;
    const read = call("read", { filePath: `${host.work}/README.md`, offset: 0 });
    return request.toolResultsSinceLastUser.length > 0 ? say("Done.") : read;
  });
  const { id: recipient } = await host.session({ parentId: parent, title: "child", agent: "general" });
  return {
    bench,
    recipient,
    async send(text) {
      if (beside) await toolCallEnds(bench, parent);
      const sentAt = Date.now();
      await host.promptAsync(recipient, text, { agent: "general" });
      return sentAt;
    },
  };
}

/** Has a session make a call, and resolves when the host tells that it has ended. */
async function toolCallEnds({ host }: Bench, session: string): Promise<void> {
  const askedAt = Date.now();
  const ended = host.event(({ type, properties, receivedAt }) => {
    const part = properties["part"];
    if (receivedAt < askedAt || type !== "message.part.updated" || !isOf(part, session)) return false;
    return part["type"] === "tool" && (part["state"] as { status?: string }).status === "completed";
  });
  await host.promptAsync(session, "Read it.");
  await ended;
}

async function teamRoad(bench: Bench): Promise<Road> {
  const { host, model } = bench;
  const { id: lead } = await host.session({ title: "lead" });
  model.script((request) => leadStep(request, lead));
  await host.prompt(lead, "Please make a team.");
  const member = await model.request(
    (request) => request.parentSessionId === lead && request.sessionId !== undefined,
    { what: "request of the member" },
  );
  const recipient = member.sessionId!;
  return {
    bench,
    recipient,
    async send(text) {
      const ended = host.event(({ type, properties }) => {
        return type === "message.part.updated" && endOfCall(properties["part"], lead, text) !== undefined;
      });
      await host.promptAsync(lead, `Send ${text}`);
      return endOfCall((await ended).properties["part"], lead, text)!;
    },
  };
}

function leadStep(request: ModelRequest, lead: string): Reply | undefined {
  if (request.sessionId !== lead) return undefined;
  if (request.toolResultsSinceLastUser.length > 0) return say("Done.");
  if (request.lastUserText.includes("make a team")) {
    const scout = { name: "scout", subagent_type: "general", prompt: "Read what you are sent." };
    return call("team_create", { inline_spec: { name: "post", members: [scout] } });
  }
  const [, text] = /^Send (note \S+ \w+\.)$/.exec(request.lastUserText.trim()) ?? [];
  return text === undefined ? undefined : call("team_send_message", { to: "scout", body: text });
}

/** When the host ended the call that sent `text`, if this part is that call and has ended. */
function endOfCall(part: unknown, session: string, text: string): number | undefined {
  if (!isOf(part, session) || part["tool"] !== "team_send_message") return undefined;
  const state = part["state"] as { status?: string; input?: { body?: string }; time?: { end?: number } };
  if (state.input?.body !== text) return undefined;
  if (state.status === "error") throw new Error(`team_send_message failed: ${JSON.stringify(state)}`);
  return state.status === "completed" ? state.time?.end : undefined;
}

function isOf(part: unknown, session: string): part is Record<string, unknown> {
  return typeof part === "object" && part !== null && "sessionID" in part && part.sessionID === session;
}
