import { sep } from "node:path";
import type { Hooks, PluginInput, PluginOptions } from "@opencode-ai/plugin";
import { Fleet } from "./app/fleet.ts";
import { keepLead } from "./app/keep-lead.ts";
import { ToolOffers } from "./app/offer-tools.ts";
import { describe } from "./app/perform.ts";
import { teamVerbs } from "./app/team-verbs.ts";
import { readConfig } from "./config/config.ts";
import { type ConfigProblem, sayConfigProblem } from "./config/problem.ts";
import { toSettings } from "./config/settings.ts";
import { openTeams } from "./config/teams.ts";
import { hooks } from "./hooks/hooks.ts";
import { surfaceOf } from "./hooks/surface.ts";
import { compactionStarted, type EventDecoder, eventDecoder, promptReceived } from "./opencode/events.ts";
import { type OpencodeHost, openHost } from "./opencode/host.ts";
import { launchOf } from "./opencode/launch.ts";
import { promptNews } from "./opencode/prompt-news.ts";
import { withholdTools } from "./opencode/tool-offer.ts";
import { shownIn } from "./opencode/witness.ts";
import type { TeamModeOptions } from "./options.ts";
import type { Settings } from "./ports.ts";
import { openStorage } from "./storage/open.ts";
import { systemClock } from "./system/clock.ts";
import { systemIds } from "./system/ids.ts";
import { readProcesses } from "./system/process-identity.ts";
import { tools } from "./tools/index.ts";

/** A start is over by then, and whoever began it has been served. */
const SWEEP_DELAY_MS = 5_000;

/** What the plugin instances of one process share, for one base folder. */
interface Shared {
  readonly fleet: Fleet;
  readonly host: OpencodeHost;
  readonly offers: ToolOffers;
  readonly decoder: EventDecoder;
  readonly settings: Map<string, Settings>;
  instances: number;
}

/**
 * Instances of all directories find each other here, also when the package was loaded from two places: a member's session
 * may live in another directory than its lead's, and the run has one core.
 */
const REGISTRY = Symbol.for("opencode-flotilla/1");
type Registry = Map<string, Promise<Shared>>;

function registry(): Registry {
  const holder = globalThis as { [REGISTRY]?: Registry };
  holder[REGISTRY] ??= new Map();
  return holder[REGISTRY];
}

/** Options in, surfaces out. Switched off it leaves nothing behind; a faulty configuration is told once and switches off. */
export async function compose(input: PluginInput, options: PluginOptions | undefined): Promise<Hooks> {
  const { directory, worktree } = input;
  const reading = readConfig({ directory, worktree, env: process.env }, options);
  if ("problems" in reading) {
    tellProblems(input, reading.problems);
    return {};
  }
  return reading.options.enabled ? serve(input, reading.options) : {};
}

async function serve(input: PluginInput, options: TeamModeOptions): Promise<Hooks> {
  const { directory, worktree, client } = input;
  const shared = await sharedOf(options.base_dir);
  const { fleet, host, offers, decoder, settings } = shared;
  const detach = host.attach(directory, client);
  const own = toSettings(options);
  settings.set(directory, own);
  shared.instances += 1;

  const verbs = teamVerbs({
    fleet,
    offers,
    teams: openTeams(process.env),
    settingsOf: (place) => settings.get(place) ?? own,
  });
  const report = (name: string, fault: unknown): void =>
    host.log("error", `${name}: ${describe(fault)}`, fault instanceof Error ? { stack: fault.stack } : {});
  const headless = launchOf(process.argv).mode === "run";
  const policy = headless ? "always" : own.offerTools;
  // Start-up never waits for what an earlier life left behind.
  fleet
    .adopt((state) => isWithin(state.lead.directory, directory, worktree))
    .catch((fault: unknown) => report("adopt", fault));

  return {
    ...hooks(
      {
        event: (event) => decoder.decode(event),
        prompt: promptReceived,
        news: promptNews,
        shown: shownIn,
        compacting: compactionStarted,
      },
      {
        observe: (fact) => fleet.observe(fact),
        prompted: async (news) => {
          fleet.meet(news.sessionId).catch((fault: unknown) => report("meet", fault));
          await offers.prompted(news, policy);
        },
        textCompleted: async (sessionId) => {
          if (headless) await keepLead(fleet, sessionId);
        },
        withhold: withholdTools,
        dispose: async () => {
          detach();
          shared.instances -= 1;
          if (shared.instances > 0) return;
          registry().delete(options.base_dir);
          await fleet.close();
        },
      },
      surfaceOf(report),
    ),
    tool: tools(verbs, report),
  };
}

/** The parts of one base folder, made by the first instance that needs them. */
function sharedOf(baseDir: string): Promise<Shared> {
  const known = registry().get(baseDir);
  if (known) return known;
  const made = makeShared(baseDir);
  registry().set(baseDir, made);
  return made;
}

async function makeShared(baseDir: string): Promise<Shared> {
  const host = openHost(() => systemClock.now());
  const storage = openStorage({
    baseDir,
    liveness: await readProcesses(),
    report: (report) => host.log("warn", "storage", { report }),
  });
  const fleet = new Fleet({ clock: systemClock, ids: systemIds, host, ...storage });
  systemClock.after(SWEEP_DELAY_MS, () => fleet.sweepArchive());
  return {
    fleet,
    host,
    offers: new ToolOffers(fleet.world, fleet.index),
    decoder: eventDecoder(() => systemClock.now()),
    settings: new Map(),
    instances: 0,
  };
}

/** A run belongs to the instance whose project its lead works in. Outside any repository the host gives `/` as work tree. */
function isWithin(leadDirectory: string, directory: string, worktree: string): boolean {
  if (leadDirectory === directory) return true;
  return worktree !== sep && (leadDirectory === worktree || leadDirectory.startsWith(`${worktree}${sep}`));
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
