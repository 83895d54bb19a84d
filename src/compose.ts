import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Hooks, PluginInput, PluginOptions } from "@opencode-ai/plugin";
import { describe } from "./app/describe.ts";
import { TraceExport } from "./app/export-trace.ts";
import { Fleet } from "./app/fleet.ts";
import { guardTask } from "./app/guard-task.ts";
import { keepLead } from "./app/keep-lead.ts";
import { ToolOffers } from "./app/offer-tools.ts";
import { Subagents } from "./app/subagents.ts";
import { teamSection } from "./app/team-section.ts";
import { teamVerbs } from "./app/team-verbs.ts";
import type { Terminal } from "./app/world.ts";
import { readConfig } from "./config/config.ts";
import { hasOwnSkill } from "./config/own-skill.ts";
import { type ConfigProblem, sayConfigProblem } from "./config/problem.ts";
import { toSettings } from "./config/settings.ts";
import { openTeams } from "./config/teams.ts";
import type { SessionId } from "./core/ids.ts";
import type { RunState } from "./core/run.ts";
import { requestOf } from "./core/subagents.ts";
import { openWorktrees } from "./git/worktrees.ts";
import { hooks } from "./hooks/hooks.ts";
import { type Section, sectionsOf } from "./hooks/sections.ts";
import type { SubagentDesk } from "./hooks/subagent-hooks.ts";
import { gateOf, surfaceOf } from "./hooks/surface.ts";
import { compactionStarted, type EventDecoder, eventDecoder, promptReceived } from "./opencode/events.ts";
import { addExtras } from "./opencode/extras.ts";
import { type OpencodeHost, openHost } from "./opencode/host.ts";
import { launchOf } from "./opencode/launch.ts";
import { promptNews } from "./opencode/prompt-news.ts";
import { isSidePrompt } from "./opencode/side-prompts.ts";
import { resultOf, shownTasks } from "./opencode/subagents.ts";
import { withholdTools } from "./opencode/tool-offer.ts";
import { amended, isHostsOwn } from "./opencode/traces.ts";
import { shownIn } from "./opencode/witness.ts";
import type { TelemetryOptions } from "./options.ts";
import type { Clock, Settings } from "./ports.ts";
import { registry } from "./registry.ts";
import type { Step } from "./storage/disk.ts";
import { openStorage, openSubagents, type StorageOptions } from "./storage/open.ts";
import { openTraces } from "./storage/trace-store.ts";
import { systemClock } from "./system/clock.ts";
import { systemIds } from "./system/ids.ts";
import { leftBy } from "./system/left-running.ts";
import { MARK_VARIABLE, markedProcesses } from "./system/marked-processes.ts";
import { readVersion } from "./system/package-version.ts";
import { readProcesses } from "./system/process-identity.ts";
import { loadExporter } from "./telemetry/load.ts";
import { openPanes } from "./tmux/panes.ts";
import { tools } from "./tools/index.ts";

/** A first request waits no longer than this for runs that are being taken over; a start takes a tenth of it. */
const ADOPTION_PATIENCE_MS = 2_000;

/** The folder of the package, beside what is loaded from it, and the one skill in it. */
const SKILLS = fileURLToPath(new URL("../skills", import.meta.url));
const SKILL = "team-mode";

/** A start is over by then, and whoever began it has been served. */
const SWEEP_DELAY_MS = 5_000;

/** Where something may stand between a process and its world. */
export interface Seams {
  /** Runs in place of the machine's: a test turns it instead of waiting. */
  readonly clock?: Clock;
  /** Told before and after each write to the disk: a test lets the process die at one. */
  readonly step?: Step;
  /** Stands in front of the host. */
  readonly before?: (host: OpencodeHost) => OpencodeHost;
}

/** What the plugin instances of one process share, for one base folder. */
interface Shared {
  readonly fleet: Fleet;
  readonly host: OpencodeHost;
  readonly offers: ToolOffers;
  readonly subagents: Subagents;
  readonly decoder: EventDecoder;
  readonly settings: Map<string, Settings>;
  /** Absent unless telemetry is on. */
  readonly tracing: TraceExport | undefined;
  instances: number;
}

/** Options in, surfaces out. Switched off it leaves nothing behind; a faulty configuration is told once and switches off. */
export async function compose(
  input: PluginInput,
  options: PluginOptions | undefined,
  seams: Seams = {},
): Promise<Hooks> {
  const { directory, worktree } = input;
  const crew = await crewIn(directory);
  if (crew) return serve(input, crew, seams);
  const reading = readConfig({ directory, worktree, env: process.env }, options);
  if ("problems" in reading) {
    tellProblems(input, reading.problems);
    return {};
  }
  if (!reading.options.enabled) return {};
  const { base_dir: baseDir } = reading.options;
  const { telemetry } = reading.options;
  return serve(input, { baseDir, settings: toSettings(reading.options), telemetry }, seams);
}

/** The base folder that an instance works on, and what its user has configured. */
interface Charter {
  readonly baseDir: string;
  readonly settings: Settings;
  /** Known to whoever makes what instances share; the first one says it for all. */
  readonly telemetry?: TelemetryOptions;
}

/**
 * For a member's worktree that of its run, whatever the configuration says that is committed there: the lead's options
 * apply to all members.
 */
async function crewIn(directory: string): Promise<Charter | undefined> {
  for (const [baseDir, made] of registry<Shared>()) {
    const { fleet, settings } = await made;
    const run = fleet.index.runs().find((state) => isWorktreeOf(state, directory));
    // Its lead may stand in another directory of the project than the instance that has taken the run over.
    const [first] = settings.values();
    const leads = run && (settings.get(run.lead.directory) ?? first);
    if (leads) return { baseDir, settings: leads };
  }
  return undefined;
}

async function serve(
  input: PluginInput,
  { baseDir, settings: own, telemetry }: Charter,
  seams: Seams,
): Promise<Hooks> {
  const { directory, worktree, client } = input;
  const shared = await sharedOf(baseDir, seams, telemetry);
  const { fleet, host, offers, subagents, decoder, settings } = shared;
  const detach = host.attach(directory, client);
  settings.set(directory, own);
  shared.instances += 1;

  const verbs = teamVerbs({
    fleet,
    offers,
    teams: openTeams(process.env),
    subagentsOf: async (sessionId) => (own.taskRecovery ? subagents.open(sessionId) : []),
    settingsOf: (place) => settings.get(place) ?? own,
  });
  const report = (name: string, fault: unknown): void =>
    host.log("error", `${name}: ${describe(fault)}`, fault instanceof Error ? { stack: fault.stack } : {});
  let config: object = {};
  const headless = launchOf(process.argv).mode === "run";
  const policy = headless ? "always" : own.offerTools;
  // In the order in which a model reads them.
  const sections: readonly Section[] = [
    (sessionId) => teamSection(fleet.index, sessionId),
    ...(own.taskRecovery ? [(sessionId: SessionId) => subagents.section(sessionId)] : []),
  ];
  // Start-up never waits for what an earlier life left behind.
  const adopted = fleet
    .adopt((state) => isWithin(state.lead.directory, directory, worktree))
    .catch((fault: unknown) => report("adopt", fault));
  const patience = new Promise<void>((resolve) => fleet.world.clock.after(ADOPTION_PATIENCE_MS, resolve));
  const started = Promise.race([adopted, patience]);
  if (own.taskRecovery) {
    subagents
      .recover((place) => isWithin(place, directory, worktree))
      .catch((fault: unknown) => report("recover", fault));
  }

  return {
    ...hooks(
      {
        event: (event) => decoder.decode(event),
        prompt: promptReceived,
        news: promptNews,
        shown: shownIn,
        tasks: shownTasks,
        compacting: compactionStarted,
        isAside: (system) => isSidePrompt(system, config),
      },
      {
        observe: (fact) => {
          fleet.observe(fact);
          if (own.taskRecovery) subagents.observe(fact);
        },
        prompted: async (news) => {
          fleet.meet(news.sessionId).catch((fault: unknown) => report("meet", fault));
          await offers.prompted(news, policy);
        },
        textCompleted: async (sessionId) => {
          if (headless) await keepLead(fleet, sessionId);
        },
        section: async (sessionId) => {
          // A prompt right after a start says what it said before: whose session it is has to be known by then.
          if (!fleet.index.seat(sessionId)) await started;
          return sectionsOf(sections, sessionId, (fault) => report("section", fault));
        },
        ...(own.taskRecovery ? { subagents: deskOf(subagents) } : {}),
        async beginsTask(sessionId, callId, input) {
          guardTask(fleet.index, requestOf(sessionId, callId, input).taskId);
          return own.taskRecovery ? subagents.begin({ sessionId, callId, directory }, input) : undefined;
        },
        configure: (given) => {
          // Kept and not read yet: other plugins change it after us.
          config = given;
          withholdTools(config);
          const { paths } = (config as { skills?: { paths?: string[] } }).skills ?? {};
          const isTaken = hasOwnSkill({ directory, worktree, env: process.env }, SKILL, paths);
          addExtras(config, isTaken ? {} : { skills: SKILLS });
        },
        dispose: async () => {
          detach();
          shared.instances -= 1;
          if (shared.instances > 0) return;
          registry<Shared>().delete(baseDir);
          await Promise.all([fleet.close(), subagents.close()]);
          await shared.tracing?.close();
        },
      },
      surfaceOf(report),
      gateOf(report),
    ),
    tool: tools(verbs, report),
  };
}

/** The parts of one base folder, made by the first instance that needs them. */
function sharedOf(baseDir: string, seams: Seams, telemetry: TelemetryOptions | undefined): Promise<Shared> {
  const known = registry<Shared>().get(baseDir);
  if (known) return known;
  const made = makeShared(baseDir, seams, telemetry);
  registry<Shared>().set(baseDir, made);
  return made;
}

async function makeShared(
  baseDir: string,
  { clock = systemClock, step, before }: Seams,
  telemetry: TelemetryOptions | undefined,
): Promise<Shared> {
  const opened = openHost(() => systemClock.now());
  const host = before ? before(opened) : opened;
  const processes = await readProcesses();
  const options: StorageOptions = {
    baseDir,
    liveness: processes,
    writer: {
      address: () => opened.address(launchOf(process.argv).mode),
      leftBy: (identity) => leftBy(processes, identity),
    },
    report: (report) => host.log("warn", "storage", { report }),
    ...(step === undefined ? {} : { step }),
  };
  const storage = openStorage(options);
  const worktrees = openWorktrees({ baseDir, env: process.env, traces: { isHostsOwn, amended } });
  const settings = new Map<string, Settings>();
  const terminal: Terminal = {
    panes: openPanes(process.env),
    // A run may be adopted from another directory of its project than the one its lead works in.
    isWanted: (directory) => (settings.get(directory) ?? settings.values().next().value)?.panes === true,
    openGangway: () => host.openGangway(),
    pid: process.pid,
  };
  const { mode, autoApprove } = launchOf(process.argv);
  const unattended = autoApprove ? "allow" : "reject";
  const tracing = telemetry?.enabled ? traceExport(baseDir, host, clock, telemetry) : undefined;
  const fleet = new Fleet(
    {
      clock,
      ids: systemIds,
      host,
      worktrees,
      terminal,
      ...storage,
      ...(mode === "run" ? { unattended } : {}),
    },
    (runId) => tracing?.changed(runId),
  );
  const subagents = new Subagents({
    clock,
    host,
    ledgers: openSubagents(options),
    processes: { ...processes, marked: (marks) => markedProcesses(processes, marks) },
  });
  clock.after(SWEEP_DELAY_MS, () => {
    fleet.sweep();
    tracing?.takeUp();
  });
  return {
    fleet,
    host,
    offers: new ToolOffers(fleet.world, fleet.index),
    subagents,
    decoder: eventDecoder(() => systemClock.now()),
    settings,
    tracing,
    instances: 0,
  };
}

function deskOf(subagents: Subagents): SubagentDesk {
  return {
    annotate: (list) => subagents.annotate(list),
    noteEmpty: (sessionId, callId, result) => subagents.noteEmpty(sessionId, callId, resultOf(result)),
    shellVariables(sessionId, callId) {
      const mark = subagents.shellMark(sessionId, callId);
      return mark === undefined ? {} : { [MARK_VARIABLE]: mark };
    },
  };
}

function traceExport(
  baseDir: string,
  host: OpencodeHost,
  clock: Clock,
  { captureContent, label, ...options }: TelemetryOptions,
): TraceExport {
  const version = readVersion();
  return new TraceExport({
    clock,
    traces: openTraces(baseDir),
    exporter: () => loadExporter(options, version),
    about: {
      pluginVersion: version,
      digest: systemIds.digest,
      ...(label === undefined ? {} : { label }),
    },
    fill: async (span) => {
      if (!captureContent || !span.source) return span;
      return { ...span, attributes: { ...span.attributes, ...(await host.content(span.source)) } };
    },
    report: (fault) => host.log("warn", `telemetry: ${describe(fault)}`),
  });
}

function isWorktreeOf({ members }: RunState, directory: string): boolean {
  return Object.values(members).some(({ worktree }) => worktree?.path === directory);
}

/** A run belongs to the instance whose project its lead works in. Outside any repository the host gives `/` as work tree. */
function isWithin(place: string, directory: string, worktree: string): boolean {
  if (place === directory) return true;
  return worktree !== sep && (place === worktree || place.startsWith(`${worktree}${sep}`));
}

/** Once, where a person looks: in the host's log, and as a toast if there is a screen. */
function tellProblems({ directory, client }: PluginInput, problems: readonly ConfigProblem[]): void {
  const host = openHost(() => systemClock.now());
  const detach = host.attach(directory, client);
  for (const problem of problems) host.log("error", sayConfigProblem(problem));
  const [first] = problems;
  if (!first) return;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more: flotilla doctor)` : "";
  void host.toast(directory, "error", `team_mode is off: ${sayConfigProblem(first)}${more}`).finally(detach);
}
