import { existsSync, readdirSync, readFileSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Hooks, Plugin } from "@opencode-ai/plugin";
import { compose } from "../../src/compose.ts";
import type { OpencodeHost } from "../../src/opencode/host.ts";
import { baseDirOf } from "../e2e/run-folder.ts";
import { fuseOf } from "./fuse.ts";

/**
 * The plugin with a fuse: every moment of a message's passage is one line of text, and at the first line that matches the
 * fuse the process ends itself with SIGKILL. Nothing else differs from the real one.
 *
 *     before rename runs/<run>/state.json {…}        a write, and what the record says or will say
 *     after call team_send_message <session>          a tool
 *     before post <session>                           a prompt of ours
 *     before list <session>                           the list that is about to go to the model
 *     before event message.updated <session> user     what the host tells, before anybody here has heard it
 */
const home = process.env["HOME"] ?? "";
const fuse = fuseOf(home);

function reach(moment: string): void {
  if (!existsSync(fuse) || !new RegExp(readFileSync(fuse, "utf8")).test(moment)) return;
  // Burnt: the host that is started next goes on.
  unlinkSync(fuse);
  process.kill(process.pid, "SIGKILL");
}

/** Of the records that tell how far a message has come, the text goes with the moment. */
function reachWrite(step: string): void {
  const [side = "", primitive = "", path = ""] = step.split(" ");
  const file = join(baseDirOf(home), path);
  const tells = primitive === "rename" && /^(?:state\.json|\.batch-.*)$/.test(basename(file));
  const texts = tells ? textsOf(side, file).map((one) => readFileSync(one, "utf8").trimEnd()) : [];
  reach([step, ...texts].join(" "));
}

/** What a file is to say lies beside it until it is renamed. */
function textsOf(side: string, file: string): readonly string[] {
  if (side === "after") return [file];
  const folder = dirname(file);
  const temps = readdirSync(folder).filter((name) => name.startsWith(".tmp-"));
  return temps.map((name) => join(folder, name));
}

function mortal(host: OpencodeHost): OpencodeHost {
  return {
    ...host,
    async post(prompt) {
      reach(`before post ${prompt.sessionId}`);
      const outcome = await host.post(prompt);
      reach(`after post ${prompt.sessionId}`);
      return outcome;
    },
  };
}

function mortalHooks(hooks: Hooks): Hooks {
  const { event, tool } = hooks;
  const transform = hooks["experimental.chat.messages.transform"];
  return {
    ...hooks,
    async event(input) {
      reach(`before event ${newsIn(input.event)}`);
      await event?.(input);
    },
    async "experimental.chat.messages.transform"(input, output) {
      reach(`before list ${output.messages.at(-1)?.info.sessionID}`);
      await transform?.(input, output);
    },
    tool: Object.fromEntries(
      Object.entries(tool ?? {}).map(([name, definition]) => [
        name,
        {
          ...definition,
          async execute(...[args, context]: Parameters<typeof definition.execute>) {
            reach(`before call ${name} ${context.sessionID}`);
            const answer = await definition.execute(args, context);
            reach(`after call ${name} ${context.sessionID}`);
            return answer;
          },
        },
      ]),
    ),
  };
}

/** Type and session of an event, and what tells the events of one type apart. */
function newsIn(event: unknown): string {
  const { type, properties } = event as { type: string; properties?: Record<string, unknown> };
  const { info, part, sessionID, status } = (properties ?? {}) as {
    info?: { sessionID?: string; role?: string; finish?: string };
    part?: {
      sessionID?: string;
      type?: string;
      state?: { status?: string };
      metadata?: { flotilla?: unknown };
    };
    sessionID?: string;
    status?: { type?: string };
  };
  return [
    type,
    sessionID ?? info?.sessionID ?? part?.sessionID,
    status?.type,
    info?.role,
    info?.finish && "finished",
    part?.type,
    part?.state?.status,
    part?.metadata?.flotilla === undefined ? undefined : "ours",
  ]
    .filter((word) => word !== undefined)
    .join(" ");
}

export const MortalPlugin: Plugin = async (input, options) =>
  mortalHooks(await compose(input, options, { step: reachWrite, before: mortal }));
