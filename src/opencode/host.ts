import type { Instant, SessionId } from "../core/ids.ts";
import type { Attributes, SpanSource } from "../core/trace/span.ts";
import { FlotillaError } from "../errors.ts";
import type { Gangway, Host, SubagentHost } from "../ports.ts";
import { readAgents } from "./agents.ts";
import { BOOT_DEADLINE_MS, CALL_DEADLINE_MS, sendOk, type Transport, transportOf } from "./client.ts";
import { readContent } from "./content.ts";
import { openGangway } from "./gangway.ts";
import { answerPermission, dropGates, openGates } from "./gates.ts";
import { HostLog } from "./host-log.ts";
import type { LaunchMode } from "./launch.ts";
import { readModels } from "./models.ts";
import { post } from "./prompts.ts";
import { Recent } from "./recent.ts";
import {
  abort,
  addRules,
  findSession,
  isStored,
  lastTurn,
  openSession,
  promptStyle,
  readChildren,
  readSession,
} from "./sessions.ts";
import { readSteps } from "./steps.ts";
import { childSight, storedTasks } from "./subagents.ts";
import { readTranscript } from "./transcript.ts";

/** OpenCode as the `Host` port, through whichever plugin instances are alive. */
export interface OpencodeHost extends Host, SubagentHost {
  /**
   * Adds a plugin instance by the client that the host gave to it; the returned function takes it out again.
   * The host makes one instance a directory, and two for one directory in a terminal UI that listens.
   */
  attach(directory: string, client: unknown): () => void;
  /** What stands behind a span, for a trace that is to show it. */
  content(source: SpanSource): Promise<Attributes>;
  /** Where the host listens; undefined where nothing does, or nobody can tell. */
  address(mode: LaunchMode): string | undefined;
  /** Opens a way in for programs that are to show sessions. */
  openGangway(): Promise<Gangway>;
}

interface Instance {
  readonly directory: string;
  readonly transport: Transport;
}

/** What a client is given as its server's address where nothing listens. */
const PLACEHOLDER = "http://localhost:4096";

/** Enough for every session of a long-lived process's runs; a forgotten one is asked for again. */
const DIRECTORIES_KEPT = 1_024;

/**
 * A host without instances; {@link OpencodeHost.attach} gives it the first. The transport of any instance reaches every
 * endpoint: requests about a session run in that session's own directory, lists take the directory as an argument.
 */
export function openHost(now: () => Instant): OpencodeHost {
  const instances: Instance[] = [];
  /** Called with each instance that is added. */
  const awaiting = new Set<(instance: Instance) => void>();
  const directories = new Recent<string>(DIRECTORIES_KEPT);
  const log = new HostLog();

  const serving = (directory: string): Instance | undefined =>
    instances.findLast((instance) => instance.directory === directory);

  const transport = (directory?: string): Transport => {
    const instance = (directory === undefined ? undefined : serving(directory)) ?? instances.at(-1);
    if (instance) return instance.transport;
    throw new FlotillaError({
      code: "host_unreachable",
      message: "No plugin instance is alive in this process.",
      hint: "The host has disposed of all of them; it makes one at its next request.",
    });
  };

  /** A directory without an instance of ours may have none of the host's either. */
  const deadline = (directory: string): number => (serving(directory) ? CALL_DEADLINE_MS : BOOT_DEADLINE_MS);

  const session: Host["session"] = async (sessionId) => {
    const found = await readSession(transport(), sessionId);
    if (found) directories.add(sessionId, found.directory);
    return found;
  };

  /** Where a session's loop may run: its own directory, or, once its row is gone, any that we serve. */
  const placesOf = async (sessionId: SessionId): Promise<readonly string[]> => {
    const known = directories.find(sessionId) ?? (await session(sessionId))?.directory;
    return known === undefined ? [...new Set(instances.map((instance) => instance.directory))] : [known];
  };

  /** The turn has ended whether or not its requests can be taken away. */
  const dropRequests = async (sessionId: SessionId, place: string): Promise<void> => {
    try {
      await dropGates(transport(place), sessionId, place, deadline(place));
    } catch (fault) {
      host.log("warn", "requests of a stopped session are left open", { sessionId, reason: String(fault) });
    }
  };

  const host: OpencodeHost = {
    attach(directory, client) {
      const instance: Instance = { directory, transport: transportOf(client) };
      instances.push(instance);
      for (const tell of [...awaiting]) tell(instance);
      return () => {
        const at = instances.indexOf(instance);
        if (at >= 0) instances.splice(at, 1);
      };
    },
    address(mode) {
      const baseUrl = instances.at(-1)?.transport.baseUrl.replace(/\/$/, "");
      return mode === "serve" || (mode === "tui" && baseUrl !== PLACEHOLDER) ? baseUrl : undefined;
    },
    openGangway: () => openGangway(() => transport()),
    async openSession(order) {
      const sessionId = await openSession(transport(order.directory), order);
      directories.add(sessionId, order.directory);
      return sessionId;
    },
    async findSession(parentId, mark) {
      return findSession(transport(), parentId, mark);
    },
    session,
    async children(sessionId) {
      return readChildren(transport(), sessionId);
    },
    async post(prompt) {
      return post(transport(), prompt);
    },
    async lastTurn(sessionId, directory) {
      return lastTurn(transport(directory), sessionId, directory, deadline(directory));
    },
    async transcript(sessionId, since) {
      return readTranscript(transport(), sessionId, since);
    },
    async content(source) {
      return readContent(transport(), source);
    },
    async steps(sessionId, since) {
      return readSteps(transport(), sessionId, since);
    },
    async childSight(sessionId, since) {
      return childSight(transport(), sessionId, since);
    },
    async storedTasks(sessionId) {
      return storedTasks(transport(), sessionId);
    },
    async isStored(sessionId, hostMessageId) {
      return isStored(transport(), sessionId, hostMessageId);
    },
    async promptStyle(sessionId) {
      return promptStyle(transport(), sessionId);
    },
    async abort(sessionId, directory) {
      const places = directory === undefined ? await placesOf(sessionId) : [directory];
      await Promise.all(
        places.map(async (place) => {
          await abort(transport(place), sessionId, place, deadline(place));
          await dropRequests(sessionId, place);
        }),
      );
    },
    async addRules(sessionId, rules) {
      await addRules(transport(), sessionId, rules);
    },
    awaitInstance(directory, ms) {
      if (serving(directory)) return Promise.resolve(true);
      return new Promise((resolve) => {
        const end = (present: boolean): void => {
          clearTimeout(timer);
          awaiting.delete(tell);
          resolve(present);
        };
        const tell = (instance: Instance): void => {
          if (instance.directory === directory) end(true);
        };
        const timer = setTimeout(() => end(false), Math.max(ms, 0));
        timer.unref?.();
        awaiting.add(tell);
      });
    },
    async closeInstance(directory) {
      if (!serving(directory)) return;
      try {
        await sendOk(transport(directory), { method: "POST", path: "/instance/dispose", directory });
      } catch (fault) {
        host.log("warn", "an instance was not closed", { directory, reason: String(fault) });
      }
    },
    async agents(directory) {
      return readAgents(transport(directory), directory, deadline(directory));
    },
    async models(directory) {
      return readModels(transport(directory), directory, deadline(directory));
    },
    async openGates(directory) {
      return openGates(transport(directory), directory, deadline(directory), now());
    },
    async answerPermission(directory, answer) {
      return answerPermission(transport(directory), directory, answer);
    },
    async toast(directory, level, message) {
      const body = { title: "flotilla", message, variant: level };
      try {
        await sendOk(transport(directory), { method: "POST", path: "/tui/show-toast", directory, body });
      } catch (fault) {
        // What the toast was about is in the status as well; that it was not shown is for the log.
        host.log("warn", "a toast was not shown", { text: message, reason: String(fault) });
      }
    },
    log(level, message, extra = {}) {
      log.write(instances.at(-1)?.transport, level, message, extra);
    },
  };
  return host;
}
