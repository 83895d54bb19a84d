import type { Fact, TaskCall } from "../core/facts.ts";
import type { SessionId } from "../core/ids.ts";
import { hidesTool } from "../core/permission-rules.ts";
import { endingByCall, endOfCall, endOfJob, isBackground } from "../core/subagent-ending.ts";
import { hasNote, sectionText } from "../core/subagent-wording.ts";
import {
  emptyLedger,
  type NamedSubagent,
  needsVerdict,
  noteOf,
  noteStarted,
  openSubagents,
  type ProcessRef,
  pruned,
  requestOf,
  type ShownList,
  type StoredTask,
  type SubagentLedger,
  startOf,
  subagentOf,
  without,
  withoutAnnounced,
} from "../core/subagents.ts";
import { FlotillaError } from "../errors.ts";
import { type EndedCall, judgeCall, lookAt, shellMark } from "./judge-call.ts";
import { Lane } from "./lane.ts";
import { resumeSubagent } from "./resume-subagent.ts";
import type { SubagentWorld } from "./subagent-world.ts";

/** Who is about to call `task`. */
interface Caller {
  readonly sessionId: SessionId;
  readonly callId: string;
  /** Where the session works. */
  readonly directory: string;
}

/** What is known of a session here. */
interface Role {
  /** It has called `task`. */
  caller: boolean;
  /** Since this was made: what the process did before, under an instance that is gone, is a dead one's. */
  isActive?: true;
  /** It works, or worked, for a call of that session. */
  parentId?: SessionId;
  /** The newest prompt that its model was shown, and who answers it. */
  prompt?: Pick<ShownList, "promptId" | "agent">;
  /** Whether the turn of that prompt may call `task`: the host reads rules once a turn. */
  spawns?: { readonly promptId: string | undefined; readonly allowed: boolean };
}

/**
 * The host's own subagents, for every session that calls `task`: what was interrupted is noted in the result that the caller
 * reads, listed in its system prompt, and checked when it is to go on. Nothing here ever prompts a session.
 *
 * A session that has never called `task` costs one look-up, whatever is told of it.
 */
export class Subagents {
  readonly #world: SubagentWorld;
  readonly #roles = new Map<SessionId, Role>();
  /** What was told of the calls of one session, one after another. */
  readonly #lanes = new Map<SessionId, Lane>();
  /** Calls that are being judged: each by one at a time. */
  readonly #judging = new Map<string, Promise<void>>();
  /** Resolves when every session that has a record is known to have one. */
  #found: Promise<void> | undefined;
  #closed = false;

  constructor(world: SubagentWorld) {
    this.#world = world;
  }

  /**
   * Takes up what earlier processes have left in places that `concerns` accepts, beside everything else; resolves when it is
   * done.
   */
  async recover(concerns: (directory: string) => boolean): Promise<void> {
    this.#found ??= this.#findCallers();
    await this.#found;
    for (const parentId of await this.#world.ledgers.parents()) {
      if (this.#closed) return;
      this.#told(parentId, () => this.#takeUp(parentId, concerns));
      // One at a time: each waits for the disk and the host, so that nobody else waits for all.
      await this.#lane(parentId).reached();
    }
  }

  /** Hands in what the host told. Returns at once. */
  observe(fact: Fact): void {
    const { sessionId } = fact;
    if (this.#closed) return;
    if (fact.type === "tool_started" || fact.type === "tool_ended") {
      const { task } = fact;
      if (!task) return;
      const outcome = fact.type === "tool_started" ? "left" : fact.outcome;
      const endedAt = fact.type === "tool_started" ? fact.startedAt : fact.endedAt;
      this.#told(sessionId, () => this.#called(sessionId, { ...fact, task, outcome, endedAt }));
      return;
    }
    const role = this.#roles.get(sessionId);
    if (!role) return;
    const { parentId } = role;
    if (fact.type === "session_deleted")
      this.#told(parentId ?? sessionId, () => this.#deleted(sessionId, role));
    if (fact.type === "session_idle" && parentId !== undefined)
      this.#told(parentId, () => this.#checkJob(parentId, sessionId, false));
  }

  /**
   * A call of `task` is about to be carried out, and waits for this. Rejects with the refusal if it may not go on with the
   * session that it names.
   *
   * @returns what the host is to be given as `task_id`.
   */
  async begin(
    { sessionId, callId, directory }: Caller,
    input: Readonly<Record<string, unknown>>,
  ): Promise<SessionId | undefined> {
    const { taskId, ...request } = requestOf(sessionId, callId, input);
    Object.assign(this.#role(sessionId), { caller: true, isActive: true });
    await this.#open(sessionId, directory);
    if (taskId === undefined) return undefined;
    // What was told so far may be the end of the very subagent.
    await this.#lane(sessionId).reached();
    return resumeSubagent(this.#world, { ...request, taskId });
  }

  /** Adds to the calls in a list what the model is to know of them: the same in every list. */
  async annotate({ sessionId, promptId, agent, tasks }: ShownList): Promise<void> {
    await this.#found;
    const role = this.#roles.get(sessionId);
    if (!role?.caller) return;
    role.prompt = {
      ...(promptId === undefined ? {} : { promptId }),
      ...(agent === undefined ? {} : { agent }),
    };
    const shown = tasks();
    if (shown.length === 0) return;
    const ledger = await this.#judged(sessionId, shown);
    for (const one of shown) {
      const text = ledger && noteOf(ledger, one)?.text;
      if (text !== undefined && !hasNote(one.task)) one.add(`\n\n${text}`);
    }
  }

  /**
   * What is to follow the result of a call that ends without one: it is stored with the result. Which message the call stands in
   * is not told with its end; where it is not known yet, the next list says the same.
   */
  async noteEmpty(sessionId: SessionId, callId: string, task: TaskCall): Promise<string | undefined> {
    const end = endOfCall("completed", task);
    if (isBackground(task) || endingByCall(end) !== undefined || hasNote(task)) return undefined;
    await this.#lane(sessionId).reached();
    const started = await this.#world.ledgers.read(sessionId);
    const call = started && subagentOf(started, end.childId ?? "")?.call;
    if (call?.callId !== callId || call.hostMessageId === undefined) return undefined;
    const { hostMessageId, startedAt } = call;
    const ended: StoredTask = {
      ...{ hostMessageId, callId, startedAt, task },
      outcome: "completed",
      endedAt: this.#world.clock.now(),
    };
    const ledger = await this.#judged(sessionId, [ended]);
    const text = ledger && noteOf(ledger, ended)?.text;
    return text === undefined ? undefined : `\n\n${text}`;
  }

  /** The section of the session's system prompt. */
  async section(sessionId: SessionId): Promise<string | undefined> {
    const role = this.#roles.get(sessionId);
    const text = role?.caller ? sectionText(await this.open(sessionId)) : undefined;
    return role && text !== undefined && (await this.#maySpawn(sessionId, role)) ? text : undefined;
  }

  /** Subagents of the session that can be resumed, or have been and work. */
  async open(sessionId: SessionId): Promise<readonly NamedSubagent[]> {
    if (!this.#roles.get(sessionId)?.caller) return [];
    const ledger = await this.#world.ledgers.read(sessionId);
    return ledger ? openSubagents(ledger) : [];
  }

  /** What a shell of the session is to be marked with, if it is a subagent's. */
  shellMark(sessionId: SessionId, callId: string): string | undefined {
    return this.#roles.get(sessionId)?.parentId === undefined ? undefined : shellMark(sessionId, callId);
  }

  /** Takes nothing more, and resolves when what was told is worked in. */
  close(): Promise<void> {
    this.#closed = true;
    return this.drained();
  }

  /** Resolves when all that was told is worked in. */
  async drained(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.drained()));
    await Promise.all(this.#judging.values());
  }

  /** The record is made before there is anything in it: after a crash it says whose calls to look for. */
  async #open(parentId: SessionId, directory: string): Promise<void> {
    const { ledgers, processes } = this.#world;
    const known = await ledgers.read(parentId);
    if (known?.directory === directory && isSame(known.owner, processes.self)) return;
    await ledgers.change(parentId, (ledger) => ({
      ...(ledger ?? emptyLedger(parentId, processes.self)),
      directory,
      owner: processes.self,
    }));
  }

  async #called(parentId: SessionId, call: StoredTask): Promise<void> {
    Object.assign(this.#role(parentId), { caller: true, isActive: true });
    const end = endOfCall(call.outcome, call.task);
    if (end.childId !== undefined) this.#role(end.childId).parentId = parentId;
    if (call.outcome !== "left" && !isJobStart(call)) {
      await this.#judged(parentId, [call]);
      return;
    }
    const { start } = endedCall(parentId, call);
    if (!start) return;
    await this.#world.ledgers.change(parentId, (ledger = emptyLedger(parentId, this.#world.processes.self)) =>
      noteStarted(ledger, start),
    );
  }

  /** Judges those of the calls that are over and about which nothing is known. Answers the record as it is then. */
  async #judged(parentId: SessionId, calls: readonly StoredTask[]): Promise<SubagentLedger | undefined> {
    const { ledgers, clock, processes } = this.#world;
    const ledger = (await ledgers.read(parentId)) ?? emptyLedger(parentId, processes.self);
    const isTheirs = calls.some(({ outcome }) => outcome === "left") && (await this.#isOthers(ledger));
    const open = calls
      .filter((call) => !isJobStart(call) && !(call.outcome === "left" && isTheirs))
      .map((call) => endedCall(parentId, call))
      .filter((call) => needsVerdict(ledger, call, clock.now()));
    if (open.length === 0) return ledger;
    await Promise.all(open.map((call) => this.#judge(call)));
    return ledgers.read(parentId);
  }

  #judge(call: EndedCall): Promise<void> {
    const key = `${call.parentId} ${call.hostMessageId} ${call.callId}`;
    const judging =
      this.#judging.get(key) ?? judgeCall(this.#world, call).finally(() => this.#judging.delete(key));
    this.#judging.set(key, judging);
    return judging;
  }

  /**
   * The call that has begun a job in the background is long over when the job ends: its session tells of that.
   *
   * @param abandoned whoever ran it is dead: then of any call, for the host may have it no more.
   */
  async #checkJob(parentId: SessionId, childId: SessionId, abandoned: boolean): Promise<void> {
    const ledger = await this.#world.ledgers.read(parentId);
    const job = ledger && subagentOf(ledger, childId);
    if (job?.status !== "running" || job.call.hostMessageId === undefined) return;
    if (!job.call.background && !abandoned) return;
    const { hostMessageId, callId, startedAt } = job.call;
    const look = await lookAt(this.#world, childId, startedAt, abandoned ? "left" : "completed");
    if (!abandoned && (look === "unseen" || (look !== "gone" && look.working))) return;
    const end = endOfJob(childId, look, abandoned);
    const endedAt = this.#world.clock.now();
    await judgeCall(this.#world, { parentId, hostMessageId, callId, startedAt, endedAt, end }, look);
  }

  async #deleted(sessionId: SessionId, { parentId, caller }: Role): Promise<void> {
    const { ledgers } = this.#world;
    this.#roles.delete(sessionId);
    this.#lanes.delete(sessionId);
    if (caller) await ledgers.change(sessionId, () => undefined);
    if (parentId !== undefined)
      await ledgers.change(parentId, (ledger) => ledger && without(ledger, sessionId));
  }

  /** A file name each, whatever has gathered: who shows a list before this is done waits for it. */
  async #findCallers(): Promise<void> {
    for (const parentId of await this.#world.ledgers.parents()) this.#role(parentId).caller = true;
  }

  /** Finds out what became of the calls of a dead process, and lets go of what is too old. */
  async #takeUp(parentId: SessionId, concerns: (directory: string) => boolean): Promise<void> {
    const { ledgers, host, clock } = this.#world;
    const ledger = await ledgers.read(parentId);
    if (!ledger) return;
    for (const { sessionId } of ledger.subagents) this.#role(sessionId).parentId = parentId;
    if (this.#role(parentId).isActive || (await this.#isOthers(ledger))) return;
    const isOurs = ledger.directory !== undefined && concerns(ledger.directory);
    // An empty one may be of a call whose beginning was all that could be told.
    if (!isOurs && ledger.subagents.length + ledger.notes.length === 0) return;
    if (isOurs) {
      await this.#judged(parentId, await host.storedTasks(parentId));
      for (const { sessionId } of ledger.subagents) await this.#checkJob(parentId, sessionId, true);
    }
    // Whoever has begun a call meanwhile needs the record, empty or not.
    await ledgers.change(parentId, (known) => {
      if (!known || this.#role(parentId).isActive) return known;
      return pruned(isOurs ? withoutAnnounced(known) : known, clock.now());
    });
  }

  async #isOthers({ owner }: SubagentLedger): Promise<boolean> {
    const { processes } = this.#world;
    return !isSame(owner, processes.self) && (await processes.isAlive(owner));
  }

  /** Whether the session has `task` on its list: who has called it may run another agent now. */
  async #maySpawn(sessionId: SessionId, role: Role): Promise<boolean> {
    const { promptId, agent } = role.prompt ?? {};
    if (role.spawns && role.spawns.promptId === promptId) return role.spawns.allowed;
    const allowed = await this.#isAllowed(sessionId, agent);
    role.spawns = { promptId, allowed };
    return allowed;
  }

  async #isAllowed(sessionId: SessionId, agent: string | undefined): Promise<boolean> {
    const { host } = this.#world;
    const session = await host.session(sessionId);
    if (!session) return false;
    const agents = await host.agents(session.directory);
    const rules = agents.find(({ name }) => name === (agent ?? session.agent))?.rules ?? [];
    return !hidesTool([...rules, ...session.rules], "task");
  }

  #told(parentId: SessionId, work: () => Promise<void>): void {
    this.#lane(parentId).add(work);
  }

  #lane(parentId: SessionId): Lane {
    const known = this.#lanes.get(parentId);
    if (known) return known;
    const lane = new Lane((fault) => this.#report(fault));
    this.#lanes.set(parentId, lane);
    return lane;
  }

  #role(sessionId: SessionId): Role {
    const role = this.#roles.get(sessionId) ?? { caller: false };
    this.#roles.set(sessionId, role);
    return role;
  }

  #report(fault: unknown): void {
    const code = fault instanceof FlotillaError ? { code: fault.code } : {};
    this.#world.host.log("error", `subagents: ${String(fault)}`, code);
  }
}

/** The call is over as soon as its job has begun. */
function isJobStart({ outcome, task }: StoredTask): boolean {
  return outcome === "completed" && isBackground(task);
}

function endedCall(parentId: SessionId, call: StoredTask): EndedCall {
  const { hostMessageId, callId, startedAt, endedAt, outcome, task } = call;
  const end = endOfCall(outcome, task);
  const request = { ...requestOf(parentId, callId, task.input), background: isBackground(task) };
  const start =
    end.childId === undefined
      ? undefined
      : startOf(request, end.childId, { callId, hostMessageId, startedAt });
  return { parentId, hostMessageId, callId, startedAt, endedAt, end, ...(start ? { start } : {}) };
}

function isSame(one: ProcessRef, other: ProcessRef): boolean {
  return one.pid === other.pid && one.startTime === other.startTime && one.bootId === other.bootId;
}
