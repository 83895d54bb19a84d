import type { ToolContext, ToolDefinition } from "@opencode-ai/plugin";
import type { Call } from "../app/verbs.ts";
import { FAULT_CODES, FlotillaError } from "../errors.ts";
import { once } from "./once.ts";
import type { Tool } from "./tool.ts";

/** Where a fault goes that is nobody's wrong call; the name says which tool. */
export type Report = (name: string, fault: unknown) => void;

/** Gives a tool to the host. */
export type Fitting = (name: string, tool: Tool) => ToolDefinition;

/** The host's type leaves out what it passes besides. */
type FullContext = ToolContext & { readonly callID?: string };

/**
 * Calls remembered for the guard against repeats. A repeat comes within its own turn, and a turn makes dozens of calls;
 * at some kilobytes an answer, all of them stay within a few megabytes.
 */
const CALLS_REMEMBERED = 1_000;

/**
 * The surface around every tool: a repeated call (same session, assistant message and call id) has the first one's outcome
 * and no second effect, and whatever is thrown becomes an error that reads as a sentence for a model.
 */
export function fitting(report: Report): Fitting {
  const guarded = once<string>(CALLS_REMEMBERED);
  let nameless = 0;
  return (name, tool) => ({
    description: tool.description,
    // The host's zod is another copy of the same library; it only reads the objects.
    args: tool.args as unknown as ToolDefinition["args"],
    execute(args, context: FullContext) {
      // A call without an id of its own is nobody's repeat.
      if (context.callID === undefined) nameless += 1;
      const call = callOf(context, context.callID ?? `nameless-${nameless}`);
      return guarded(JSON.stringify([call.sessionId, call.messageId, call.callId]), async () => {
        try {
          return await tool.execute(args, call);
        } catch (fault) {
          throw readable(name, fault, report);
        }
      });
    },
  });
}

function callOf(context: FullContext, callId: string): Call {
  return {
    sessionId: context.sessionID,
    messageId: context.messageID,
    callId,
    directory: context.directory,
    worktree: context.worktree,
    signal: context.abort,
  };
}

function readable(name: string, fault: unknown, report: Report): Error {
  const known = fault instanceof FlotillaError ? fault : defect(name, fault);
  if (known.code in FAULT_CODES) report(name, fault);
  return known.said(fault);
}

function defect(name: string, cause: unknown): FlotillaError {
  return new FlotillaError({
    code: "internal",
    message: `${name} failed: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: "This is a defect of the plugin, not of the call. Look with team_status what has happened before you call again, and tell the person that `flotilla doctor` shows more.",
    cause,
  });
}
