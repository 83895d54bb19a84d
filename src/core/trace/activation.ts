import type { Instant } from "../ids.ts";
import { ASKED, REPLIED } from "./conventions.ts";
import { type CallKey, callIn, type Entry, type Place, text, type Usage } from "./entry.ts";
import { known, type SpanEvent, type SpanLink } from "./span.ts";

/** Events and links of one span: those of a turn that does nothing else all day must not fill the memory. */
const NOTED_MAX = 1_000;

/** A request that waits for an answer, or has one and belongs to a tool call whose end is not told yet. */
interface Request {
  readonly askedAt: Instant;
  readonly call: string | undefined;
  readonly events: SpanEvent[];
  answeredAt?: Instant;
}

/** One turn of a session while it goes on: what its span will say once it is over. */
export class Activation {
  readonly place: Place;
  readonly cause: string | undefined;
  startedAt: Instant;
  /** The last time that anything was heard of it. */
  lastAt: Instant;
  lastStepAt: Instant;
  isOpen = true;
  provider: string | undefined;
  model: string | undefined;
  usage: Usage = { input: 0, output: 0, reasoning: 0, cacheRead: 0, cacheCreation: 0 };
  cost = 0;
  steps = 0;
  readonly #events: SpanEvent[] = [];
  readonly #links = new Map<string, SpanLink>();
  readonly #requests = new Map<string, Request>();
  /** Waits that are over, those of tool calls included. */
  #waitedMs = 0;
  #hasWaited = false;

  constructor(place: Place, at: Instant, cause: string | undefined) {
    this.place = place;
    this.cause = cause;
    this.startedAt = at;
    this.lastAt = at;
    this.lastStepAt = at;
  }

  saw(at: Instant): void {
    this.lastAt = Math.max(this.lastAt, at);
  }

  step(step: {
    readonly startedAt: Instant;
    readonly completedAt: Instant;
    readonly usage: Usage;
    readonly cost: number;
    readonly provider: string | undefined;
    readonly model: string | undefined;
  }): void {
    if (!this.isOpen) return;
    this.steps += 1;
    this.startedAt = Math.min(this.startedAt, step.startedAt);
    this.lastStepAt = Math.max(this.lastStepAt, step.completedAt);
    this.saw(step.completedAt);
    this.provider = step.provider ?? this.provider;
    this.model = step.model ?? this.model;
    this.cost += step.cost;
    this.usage = {
      input: this.usage.input + step.usage.input,
      output: this.usage.output + step.usage.output,
      reasoning: this.usage.reasoning + step.usage.reasoning,
      cacheRead: this.usage.cacheRead + step.usage.cacheRead,
      cacheCreation: this.usage.cacheCreation + step.usage.cacheCreation,
    };
  }

  event(event: SpanEvent): void {
    this.saw(event.at);
    if (this.#events.length < NOTED_MAX) this.#events.push(event);
  }

  /** Mail that stands in several lists of a turn was read once. */
  link(messageId: string, link: SpanLink): void {
    if (this.#links.size < NOTED_MAX) this.#links.set(messageId, link);
  }

  links(): readonly SpanLink[] {
    return [...this.#links.values()];
  }

  ask(entry: Entry): void {
    this.saw(entry.at);
    const requestId = text(entry["requestId"]) ?? "";
    const attributes = known({ request: requestId, permission: text(entry["subject"]) });
    const call = callIn(entry["call"]);
    this.#hasWaited = true;
    this.#requests.set(requestId, {
      askedAt: entry.at,
      call: call && keyOf(call),
      events: [{ name: ASKED, at: entry.at, attributes }],
    });
  }

  /** Without a request's id all are gone. */
  answer(entry: Entry): void {
    this.saw(entry.at);
    const requestId = text(entry["requestId"]);
    const answered = requestId === undefined ? [...this.#requests.keys()] : [requestId];
    for (const id of answered) this.#answer(id, entry.at, text(entry["reply"]) ?? "gone");
  }

  #answer(requestId: string, at: Instant, reply: string): void {
    const request = this.#requests.get(requestId);
    if (!request || request.answeredAt !== undefined) return;
    request.answeredAt = at;
    request.events.push({ name: REPLIED, at, attributes: { request: requestId, reply } });
    this.#waitedMs += at - request.askedAt;
    if (request.call !== undefined) return;
    this.#requests.delete(requestId);
    for (const event of request.events) this.event(event);
  }

  /** What a tool call waited for, which is told with the call and not with the turn. */
  take(call: CallKey): { readonly events: readonly SpanEvent[]; readonly waitedMs: number | undefined } {
    const requests = [...this.#requests].filter(([, request]) => request.call === keyOf(call));
    for (const [requestId] of requests) this.#requests.delete(requestId);
    const waits = requests.map(([, { askedAt, answeredAt = askedAt }]) => answeredAt - askedAt);
    return {
      events: requests.flatMap(([, request]) => request.events),
      waitedMs: waits.length === 0 ? undefined : waits.reduce((sum, one) => sum + one, 0),
    };
  }

  /** Those of requests whose call was never told of stand with the turn. */
  events(): readonly SpanEvent[] {
    const left = [...this.#requests.values()].flatMap((request) => request.events);
    return [...this.#events, ...left].toSorted((one, other) => one.at - other.at);
  }

  /** How long it waited for a person up to then; undefined if it never did. */
  waitedMs(at: Instant): number | undefined {
    if (!this.#hasWaited) return undefined;
    const open = [...this.#requests.values()].filter(({ answeredAt }) => answeredAt === undefined);
    return this.#waitedMs + open.reduce((sum, { askedAt }) => sum + Math.max(0, at - askedAt), 0);
  }
}

function keyOf({ hostMessageId, callId }: CallKey): string {
  return `${hostMessageId} ${callId}`;
}
