import type { JournalEntry } from "../effects.ts";
import { type Instant, LEAD, type RunId } from "../ids.ts";
import { Activation } from "./activation.ts";
import { ERROR_TYPE, GEN_AI, providerName, REVISION, TEAM } from "./conventions.ts";
import {
  type CallKey,
  callIn,
  type Entry,
  fields,
  list,
  number,
  type Place,
  placeIn,
  text,
  usageIn,
} from "./entry.ts";
import { type Attributes, known, type Span, type SpanIds, spanIds } from "./span.ts";

/** What a trace says of the plugin that made it, and of the run, besides what the run's journal says. */
export interface TraceAbout {
  readonly runId: RunId;
  readonly pluginVersion: string;
  readonly label?: string;
  /** Hex SHA-256. */
  readonly digest: (text: string) => string;
}

/** Mail whose sender is remembered, to link its reader to it: the newest, more than can be unread at a time. */
const MAIL_MAX = 10_000;

/**
 * A run's journal told as one trace: the run, under it each activation of a participant's session, under that its model calls
 * and tool calls. Lines are added in their order, and each answers the spans that it completes; so the same lines give the
 * same spans, whoever reads them and how often one is repeated.
 *
 * What is remembered is what is open: one activation a session, its requests, members that are starting, and the senders of
 * the newest {@link MAIL_MAX} messages. Sessions are as many as the run had members.
 */
export class Chronicle {
  readonly #about: TraceAbout;
  readonly #ids: SpanIds;
  readonly #rootId: string;
  #last: readonly [revision: number, index: number] = [-1, -1];
  #run: Run | undefined;
  /** Sessions whose opening stands in the journal, with whose they are. */
  readonly #sessions = new Map<string, string>();
  /** The newest activation of each session; a late line of a closed one still belongs to it. */
  readonly #activations = new Map<string, Activation>();
  readonly #starting = new Map<string, Starting>();
  readonly #mail = new Map<string, Sent>();

  constructor(about: TraceAbout) {
    this.#about = about;
    this.#ids = spanIds(about.runId, about.digest);
    this.#rootId = this.#ids.of("run");
  }

  /** Takes a line in, and answers the spans that are complete with it. A line that was taken in before says nothing. */
  add(entry: JournalEntry): readonly Span[] {
    const [revision, index] = this.#last;
    if (entry.revision < revision || (entry.revision === revision && entry.index <= index)) return [];
    this.#last = [entry.revision, entry.index];
    this.#run?.saw(entry.at);
    return Object.hasOwn(READERS, entry.event) ? (READERS[entry.event]?.(this, entry) ?? []) : [];
  }

  /** What is not over yet, as far as it is known. */
  open(): readonly Span[] {
    const run = this.#run && !this.#run.isOver ? [this.#rootSpan(this.#run, this.#run.lastAt, {}, true)] : [];
    const starting = [...this.#starting].map(([member, one]) => ({
      ...this.#spawnSpan(member, one, this.#run?.lastAt ?? one.at),
      open: true as const,
    }));
    const activations = [...this.#activations.values()].filter((one) => one.isOpen);
    return [...run, ...starting, ...activations.map((one) => this.#peek(one))];
  }

  created(entry: Entry): readonly Span[] {
    const team = text(entry["team"]) ?? "team";
    this.#run = new Run(team, text(entry["label"]) ?? this.#about.label, entry.at);
    const sessionId = text(entry["sessionId"]);
    if (sessionId === undefined) return [];
    this.#sessions.set(sessionId, LEAD);
    // Whoever creates a run is at work: its turn has begun before anybody looked.
    return this.started(entry, { participant: LEAD, sessionId, generation: 1, turn: 1 }, "foreign");
  }

  /** The run ends for this process, or for good. Told once: what comes later hangs below a span that is exported. */
  ended(entry: Entry, end: Attributes, error?: string): readonly Span[] {
    const spans = [...this.#activations.values()].flatMap((one) => this.#close(one, entry.at, end));
    if (!this.#run || this.#run.isOver) return spans;
    this.#run.isOver = true;
    const root = this.#rootSpan(this.#run, entry.at, end, false);
    return [...spans, error === undefined ? root : { ...root, error }];
  }

  added(entry: Entry): readonly Span[] {
    const member = text(entry["member"]);
    if (member === undefined) return [];
    const { providerId, modelId } = fields(entry["model"]);
    this.#starting.set(member, {
      at: entry.at,
      generation: number(entry["generation"]) ?? 1,
      agent: text(entry["agent"]),
      provider: text(providerId),
      model: text(modelId),
    });
    return [];
  }

  opened(entry: Entry): readonly Span[] {
    const [member, sessionId] = [text(entry["member"]), text(entry["sessionId"])];
    if (member === undefined || sessionId === undefined) return [];
    this.#starting.delete(member);
    this.#sessions.set(sessionId, member);
    return [];
  }

  /** A member that was refused, or got no session: one span, with the reason and nothing below it. */
  notStarted(entry: Entry): readonly Span[] {
    const member = text(entry["member"]);
    if (member === undefined) return [];
    const rejected = entry.event === "member_rejected";
    const begun = this.#starting.get(member);
    if (!rejected && !begun) return [];
    const generation = number(entry["generation"]) ?? begun?.generation ?? 1;
    if (!rejected) this.#starting.delete(member);
    const one: Starting = { at: entry.at, agent: text(entry["agent"]), ...begun, generation };
    const type = rejected ? "member_rejected" : "spawn_failed";
    // A name may be refused any number of times.
    const key = rejected ? ["rejected", entry.revision, entry.index] : [];
    const span = this.#spawnSpan(member, one, entry.at, key);
    const attributes = { ...span.attributes, [ERROR_TYPE]: type };
    return [{ ...span, attributes, error: text(entry["reason"]) ?? "not started" }];
  }

  started(entry: Entry, place: Place, cause: string | undefined): readonly Span[] {
    const { sessionId, turn } = place;
    if (!this.#sessions.has(sessionId)) return [];
    const before = this.#activations.get(sessionId);
    if (before?.isOpen && before.place.turn === turn) return [];
    // Its end was never told: it was over when the last was heard of it.
    const spans = before ? this.#close(before, before.lastAt, {}) : [];
    this.#activations.set(sessionId, new Activation(place, entry.at, cause));
    return spans;
  }

  settled(entry: Entry, place: Place): readonly Span[] {
    const tools = list(entry["tools"]).flatMap((tool) => this.#tool(place, this.#site(place), tool));
    const activation = this.#activations.get(place.sessionId);
    if (!activation?.isOpen || activation.place.turn !== place.turn) return tools;
    const lost = entry["abandoned"] === true;
    const failed = text(entry["outcome"]) !== "ended";
    const type = lost ? "process_lost" : (text(fields(entry["error"])["name"]) ?? "unknown");
    const end: Attributes = {
      ...(failed ? { [ERROR_TYPE]: type } : {}),
      ...(lost && failed ? { [TEAM.orphanReason]: "process_lost" } : {}),
    };
    const [error, endedAt] = [failed ? (ENDS[type] ?? type) : undefined, lost ? activation.lastAt : entry.at];
    return [...tools, ...this.#close(activation, endedAt, end, error)];
  }

  /** A participant is gone, whatever its session was doing. */
  gone(entry: Entry): readonly Span[] {
    const member = text(entry["member"]);
    if (member !== undefined) this.#starting.delete(member);
    const reason = text(entry["reason"]) ?? entry.event;
    const lost = entry.event === "member_lost";
    const end = { [TEAM.endReason]: reason, ...(lost ? { [ERROR_TYPE]: "session_lost" } : {}) };
    return [...this.#activations.values()]
      .filter((one) => one.place.participant === member)
      .flatMap((one) => this.#close(one, entry.at, end, lost ? reason : undefined));
  }

  stepped(entry: Entry, place: Place): readonly Span[] {
    const step = fields(entry["step"]);
    const hostMessageId = text(step["hostMessageId"]);
    const completedAt = number(step["completedAt"]) ?? entry.at;
    const startedAt = number(step["startedAt"]) ?? completedAt;
    if (hostMessageId === undefined) return [];
    const usage = usageIn(step["tokens"]);
    const cost = number(step["cost"]) ?? 0;
    const error = text(fields(step["error"])["name"]);
    const [providerId, model] = [text(step["providerId"]), text(step["modelId"])];
    const provider = providerId === undefined ? undefined : providerName(providerId);
    const activation = this.#activations.get(place.sessionId);
    activation?.step({ startedAt, completedAt, usage, cost, provider, model });
    this.#run?.step(startedAt, usage, cost);
    for (const id of list(entry["mail"])) this.#read(activation, text(id));
    const finish = text(step["finish"]);
    const site = this.#site(place, fields(entry["below"]), text(step["agent"]));
    // What an aborted call has used nobody knows; the host says nothing was.
    const isKnown = error === undefined || usage.input + usage.output > 0;
    const chat = this.#span({
      key: ["chat", site.sessionId, hostMessageId],
      parentId: site.parentId,
      name: `chat ${model ?? "unknown"}`,
      kind: "client",
      startedAt,
      endedAt: completedAt,
      attributes: {
        ...known({
          [GEN_AI.operation]: "chat",
          [GEN_AI.provider]: provider,
          [GEN_AI.requestModel]: model,
          [GEN_AI.finishReasons]: finish === undefined ? undefined : [finish],
          [TEAM.agentType]: text(step["agent"]),
          [TEAM.hostMessage]: hostMessageId,
          [TEAM.compaction]: step["summary"] === true ? true : undefined,
          [ERROR_TYPE]: error,
        }),
        ...(isKnown ? usageAttributes(usage, cost) : {}),
        ...site.attributes,
      },
      source: { sessionId: site.sessionId, hostMessageId },
    });
    const tools = list(entry["tools"]).flatMap((tool) => this.#tool(place, site, tool));
    return [error === undefined ? chat : { ...chat, error }, ...tools];
  }

  asked(entry: Entry, place: Place): readonly Span[] {
    this.#openOf(place)?.ask(entry);
    return [];
  }

  answered(entry: Entry, place: Place): readonly Span[] {
    this.#openOf(place)?.answer(entry);
    return [];
  }

  sent(entry: Entry): readonly Span[] {
    const [messageId, from] = [text(entry["messageId"]), text(entry["from"])];
    if (messageId === undefined || from === undefined) return [];
    const activation = [...this.#activations.values()].findLast((one) => one.place.participant === from);
    activation?.saw(entry.at);
    const call = callIn(entry["call"]);
    const spanId = call ? this.#toolId(call) : activation && this.#activationId(activation.place);
    if (spanId === undefined) return [];
    this.#mail.set(messageId, { spanId, from });
    for (const oldest of this.#mail.keys()) {
      if (this.#mail.size <= MAIL_MAX) break;
      this.#mail.delete(oldest);
    }
    return [];
  }

  /** What somebody did to the shared list, in the activation in which it was done. */
  task(entry: Entry): readonly Span[] {
    const by = text(entry["by"]);
    const activation = [...this.#activations.values()].findLast(
      (one) => one.isOpen && one.place.participant === by,
    );
    const attributes = known({ [TEAM.task]: number(entry["taskId"]) });
    activation?.event({ name: entry.event, at: entry.at, attributes });
    return [];
  }

  #read(activation: Activation | undefined, messageId: string | undefined): void {
    const sent = messageId === undefined ? undefined : this.#mail.get(messageId);
    if (!activation || !sent || messageId === undefined) return;
    const attributes = { [TEAM.message]: messageId, [TEAM.from]: sent.from };
    activation.link(messageId, { spanId: sent.spanId, attributes });
  }

  #openOf({ sessionId }: Place): Activation | undefined {
    const activation = this.#activations.get(sessionId);
    return activation?.isOpen ? activation : undefined;
  }

  #tool(place: Place, site: Site, value: unknown): readonly Span[] {
    const run = fields(value);
    const call = callIn(run);
    if (!call) return [];
    const endedAt = number(run["endedAt"]) ?? 0;
    const startedAt = number(run["startedAt"]) ?? endedAt;
    const name = text(run["tool"]) ?? "unknown";
    const failed = run["outcome"] === "failed";
    const reason = failed ? (text(run["reason"]) ?? "tool_error") : undefined;
    const { events, waitedMs } = this.#activations.get(place.sessionId)?.take(call) ?? NO_WAIT;
    const span = this.#span({
      key: toolKey(call),
      parentId: site.parentId,
      name: `execute_tool ${name}`,
      kind: "internal",
      startedAt,
      endedAt,
      attributes: {
        ...known({
          [GEN_AI.operation]: "execute_tool",
          [GEN_AI.toolName]: name,
          [GEN_AI.toolCallId]: call.callId,
          [GEN_AI.toolType]: "function",
          [ERROR_TYPE]: reason,
          [TEAM.approvalWaitMs]: waitedMs,
        }),
        ...site.attributes,
      },
      events,
      source: { sessionId: site.sessionId, ...call },
    });
    return [reason === undefined ? span : { ...span, error: FAILURES[reason] ?? reason }];
  }

  /**
   * Where a call stands: below its activation, or below the run where nobody knows whose session it is; a subagent's below the
   * call that let it work.
   */
  #site(place: Place, below: Readonly<Record<string, unknown>> = {}, agent?: string): Site {
    const activation = this.#activations.get(place.sessionId);
    const parentId = activation ? this.#activationId(activation.place) : this.#rootId;
    const grouped = activation ? {} : { [TEAM.correlation]: "grouped" };
    const sessionId = text(below["sessionId"]);
    if (sessionId === undefined) {
      const whose = { [GEN_AI.agentName]: place.participant, [GEN_AI.conversation]: place.sessionId };
      return { sessionId: place.sessionId, parentId, attributes: { ...whose, ...grouped } };
    }
    const call = callIn(below["call"]);
    const whose = { [GEN_AI.agentName]: agent ?? "subagent", [GEN_AI.conversation]: sessionId };
    return {
      sessionId,
      parentId: call ? this.#toolId(call) : parentId,
      attributes: { ...whose, [TEAM.subagentOf]: place.participant, ...grouped },
    };
  }

  #close(activation: Activation, at: Instant, end: Attributes, error?: string): readonly Span[] {
    if (!activation.isOpen) return [];
    activation.isOpen = false;
    const span = this.#activationSpan(activation, at, end);
    this.#run?.began(span.startedAt);
    return [error === undefined ? span : { ...span, error }];
  }

  #peek(activation: Activation): Span {
    return { ...this.#activationSpan(activation, activation.lastAt, {}), open: true };
  }

  #activationSpan(activation: Activation, at: Instant, end: Attributes): Span {
    const { place, cause, provider, model, usage, cost, steps } = activation;
    return this.#span({
      key: activationKey(place),
      parentId: this.#rootId,
      name: `invoke_agent ${place.participant}`,
      kind: "internal",
      startedAt: activation.startedAt,
      endedAt: Math.max(at, activation.lastStepAt),
      attributes: {
        ...known({
          [GEN_AI.operation]: "invoke_agent",
          [GEN_AI.provider]: provider,
          [GEN_AI.agentName]: place.participant,
          [GEN_AI.agentId]: `${this.#about.runId}/${place.participant}`,
          [GEN_AI.conversation]: place.sessionId,
          [GEN_AI.requestModel]: model,
          [TEAM.spawn]: place.generation,
          [TEAM.activation]: place.turn,
          [TEAM.cause]: cause,
          [TEAM.approvalWaitMs]: activation.waitedMs(at),
        }),
        ...(steps > 0 ? usageAttributes(usage, cost) : {}),
        ...end,
      },
      events: activation.events(),
      links: activation.links(),
    });
  }

  #spawnSpan(member: string, one: Starting, at: Instant, key: readonly (string | number)[] = []): Span {
    return this.#span({
      key: ["spawn", member, one.generation, ...key],
      parentId: this.#rootId,
      name: `invoke_agent ${member}`,
      kind: "internal",
      startedAt: one.at,
      endedAt: at,
      attributes: known({
        [GEN_AI.operation]: "invoke_agent",
        [GEN_AI.provider]: one.provider === undefined ? undefined : providerName(one.provider),
        [GEN_AI.requestModel]: one.model,
        [GEN_AI.agentName]: member,
        [GEN_AI.agentId]: `${this.#about.runId}/${member}`,
        [TEAM.agentType]: one.agent,
        [TEAM.spawn]: one.generation,
      }),
    });
  }

  #rootSpan(run: Run, at: Instant, end: Attributes, open: boolean): Span {
    const begun = [...this.#activations.values()].map((one) => one.startedAt);
    const span = this.#span({
      key: ["run"],
      name: `invoke_workflow ${run.team}`,
      kind: "internal",
      startedAt: Math.min(run.startedAt, ...begun),
      endedAt: at,
      attributes: {
        ...known({
          [GEN_AI.operation]: "invoke_workflow",
          [GEN_AI.workflow]: run.team,
          [TEAM.runLabel]: run.label,
          [TEAM.inputTokens]: run.input,
          [TEAM.outputTokens]: run.output,
          [TEAM.cost]: run.cost === 0 ? undefined : run.cost,
        }),
        ...end,
      },
    });
    return open ? { ...span, open } : span;
  }

  #activationId(place: Place): string {
    return this.#ids.of(...activationKey(place));
  }

  #toolId(call: CallKey): string {
    return this.#ids.of(...toolKey(call));
  }

  #span({ key, attributes, events = [], links = [], ...parts }: Draft): Span {
    return {
      traceId: this.#ids.traceId,
      spanId: this.#ids.of(...key),
      ...parts,
      attributes: {
        ...attributes,
        [TEAM.runId]: this.#about.runId,
        [TEAM.pluginVersion]: this.#about.pluginVersion,
        [TEAM.semconv]: REVISION,
      },
      events,
      links,
    };
  }
}

type Draft = Omit<Span, "traceId" | "spanId" | "events" | "links"> & {
  readonly key: readonly (string | number)[];
  readonly events?: Span["events"];
  readonly links?: Span["links"];
};

/** What a model call or a tool call hangs below, and whose it is. */
interface Site {
  readonly sessionId: string;
  readonly parentId: string;
  readonly attributes: Attributes;
}

interface Starting {
  readonly at: Instant;
  readonly generation: number;
  readonly agent: string | undefined;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
}

interface Sent {
  readonly spanId: string;
  readonly from: string;
}

/** What is known of the whole run so far. */
class Run {
  readonly team: string;
  readonly label: string | undefined;
  startedAt: Instant;
  lastAt: Instant;
  isOver = false;
  input = 0;
  output = 0;
  cost = 0;

  constructor(team: string, label: string | undefined, at: Instant) {
    this.team = team;
    this.label = label;
    this.startedAt = at;
    this.lastAt = at;
  }

  saw(at: Instant): void {
    this.lastAt = Math.max(this.lastAt, at);
  }

  /** Nothing in a run is older than the run. */
  began(at: Instant): void {
    this.startedAt = Math.min(this.startedAt, at);
  }

  step(startedAt: Instant, usage: { readonly input: number; readonly output: number }, cost: number): void {
    this.began(startedAt);
    this.input += usage.input;
    this.output += usage.output;
    this.cost += cost;
  }
}

const NO_WAIT = { events: [], waitedMs: undefined } as const;

/** What a reader of a trace is told instead of a word of ours or the host's. */
const ENDS: Readonly<Record<string, string>> = {
  process_lost: "the process that ran it is gone",
  MessageAbortedError: "stopped by a person",
};
const FAILURES: Readonly<Record<string, string>> = {
  permission_rejected: "permission rejected",
  aborted: "stopped before its end",
  tool_error: "the tool failed",
};

function toolKey({ hostMessageId, callId }: CallKey): readonly string[] {
  return ["tool", hostMessageId, callId];
}

function activationKey({ sessionId, turn }: Place): readonly (string | number)[] {
  return ["turn", sessionId, turn];
}

function usageAttributes(
  usage: {
    readonly input: number;
    readonly output: number;
    readonly reasoning: number;
    readonly cacheRead: number;
    readonly cacheCreation: number;
  },
  cost: number,
): Attributes {
  return known({
    [GEN_AI.inputTokens]: usage.input,
    [GEN_AI.outputTokens]: usage.output,
    [GEN_AI.reasoningTokens]: usage.reasoning || undefined,
    [GEN_AI.cacheReadTokens]: usage.cacheRead || undefined,
    [GEN_AI.cacheCreationTokens]: usage.cacheCreation || undefined,
    [TEAM.cost]: cost || undefined,
  });
}

type Reader = (chronicle: Chronicle, entry: Entry) => readonly Span[];

/** Lines about somebody's session. */
function placed(read: (chronicle: Chronicle, entry: Entry, place: Place) => readonly Span[]): Reader {
  return (chronicle, entry) => {
    const place = placeIn(entry);
    return place ? read(chronicle, entry, place) : [];
  };
}

const task: Reader = (chronicle, entry) => chronicle.task(entry);
const sent: Reader = (chronicle, entry) => chronicle.sent(entry);
const gone: Reader = (chronicle, entry) => chronicle.gone(entry);
const notStarted: Reader = (chronicle, entry) => chronicle.notStarted(entry);

/** What each line means. Any other says nothing about who did what when. */
const READERS: Readonly<Record<string, Reader>> = {
  run_created: (chronicle, entry) => chronicle.created(entry),
  run_orphaned: (chronicle, entry) => chronicle.ended(entry, { [TEAM.orphanReason]: "shutdown" }),
  run_closed: (chronicle, entry) => chronicle.ended(entry, {}),
  run_failed: (chronicle, entry) =>
    chronicle.ended(entry, { [ERROR_TYPE]: "run_failed" }, "no member could be started"),
  member_added: (chronicle, entry) => chronicle.added(entry),
  session_opened: (chronicle, entry) => chronicle.opened(entry),
  member_failed: notStarted,
  member_rejected: notStarted,
  member_done: gone,
  member_lost: gone,
  turn_started: placed((chronicle, entry, place) => chronicle.started(entry, place, text(entry["cause"]))),
  turn_settled: placed((chronicle, entry, place) => chronicle.settled(entry, place)),
  step_ended: placed((chronicle, entry, place) => chronicle.stepped(entry, place)),
  gate_opened: placed((chronicle, entry, place) => chronicle.asked(entry, place)),
  gate_closed: placed((chronicle, entry, place) => chronicle.answered(entry, place)),
  message_sent: sent,
  report_sent: sent,
  task_created: task,
  task_claimed: task,
  task_started: task,
  task_completed: task,
  task_released: task,
  task_deleted: task,
};
