import type { Bench } from "../test/support/bench.ts";
import { eventually } from "../test/support/eventually.ts";
import { call, type Reply, say } from "../test/support/model-replies.ts";
import { type ModelRequest, mentions } from "../test/support/model-request.ts";

/** One delivery: when it was said to be on its way, and when the model was asked with it. Epoch milliseconds. */
export interface Delivery {
  readonly sentAt: number;
  readonly requestedAt: number;
}

/** A host in which one session can be sent something. */
export interface Road {
  readonly bench: Bench;
  readonly recipient: string;
  /** Sends the text; resolves to the moment from which its way is measured. */
  send(text: string): Promise<number>;
}

export async function deliver({ bench, recipient, send }: Road, text: string): Promise<Delivery> {
  const request = bench.model.request(
    (one) => one.sessionId === recipient && one.kind === "turn" && mentions(one, text) > 0,
  );
  const sentAt = await send(text);
  return { sentAt, requestedAt: (await request).receivedAt };
}

/** No turn runs, and none began for 400 ms. */
export async function quiet({ host, model }: Bench): Promise<void> {
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
export async function bareRoad(bench: Bench, beside: boolean): Promise<Road> {
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

export async function teamRoad(bench: Bench): Promise<Road> {
  const { host, model } = bench;
  const { id: lead } = await host.session({ title: "lead" });
  // The member ends its turns without a word: a last word would reach the lead whenever it likes.
  model.script((request) => {
    if (request.sessionId === lead) return leadStep(request);
    return request.kind === "turn" ? say("") : undefined;
  });
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

function leadStep(request: ModelRequest): Reply {
  if (request.toolResultsSinceLastUser.length > 0) return say("Done.");
  if (request.lastUserText.includes("make a team")) {
    const scout = { name: "scout", subagent_type: "general", prompt: "Read what you are sent." };
    return call("team_create", { inline_spec: { name: "post", members: [scout] } });
  }
  const [, text] = /^Send (note \S+ \w+\.)$/.exec(request.lastUserText.trim()) ?? [];
  return text === undefined ? say("Noted.") : call("team_send_message", { to: "scout", body: text });
}

/** When the host ended the call that sent `text`, if this part is that call and has ended. */
function endOfCall(part: unknown, session: string, text: string): number | undefined {
  if (!isOf(part, session) || part["tool"] !== "team_send_message") return undefined;
  const state = part["state"] as { status?: string; input?: { body?: string }; time?: { end?: number } };
  if (state.input?.body !== text) return undefined;
  if (state.status === "error") throw new Error(`team_send_message failed: ${JSON.stringify(state)}`);
  return state.status === "completed" ? state.time?.end : undefined;
}

export function isOf(part: unknown, session: string): part is Record<string, unknown> {
  return typeof part === "object" && part !== null && "sessionID" in part && part.sessionID === session;
}
