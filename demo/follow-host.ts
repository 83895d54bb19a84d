import type { Part } from "@opencode-ai/sdk/v2/types";
import { type HostEvent, sessionOf } from "../test/support/event-tap.ts";
import type { Fact } from "./facts.ts";

/** Turns the host's events into facts, each once. */
export interface HostFollower {
  /** What the events beyond those of the last call say. */
  read(events: readonly HostEvent[]): readonly Fact[];
}

export function followHost(): HostFollower {
  let position = 0;
  const told = new Set<string>();
  /** Messages of people and of the plugin have text parts too. */
  const answers = new Set<string>();

  function once(id: string, fact: Fact): readonly Fact[] {
    if (told.has(id)) return [];
    told.add(id);
    return [fact];
  }

  function ofPart(part: Part): readonly Fact[] {
    if (part.type === "text" && part.time?.end !== undefined && answers.has(part.messageID)) {
      const { sessionID, text, time } = part;
      return text.trim() === ""
        ? []
        : once(part.id, { kind: "said", at: time.end ?? time.start, sessionId: sessionID, text });
    }
    if (part.type !== "tool") return [];
    const { state, sessionID, tool } = part;
    if (state.status !== "completed" && state.status !== "error") return [];
    return once(part.id, {
      kind: "tool",
      at: state.time.end,
      sessionId: sessionID,
      tool,
      input: state.input,
      ...(state.status === "completed" ? { output: state.output } : { output: "", failure: state.error }),
    });
  }

  function ofEvent(event: HostEvent): readonly Fact[] {
    const { properties, receivedAt: at } = event;
    const trouble = (text: string, isError = false): readonly Fact[] =>
      once(event.id, { kind: "trouble", at, sessionId: sessionOf(event), text, isError });
    switch (event.type) {
      case "message.updated": {
        const { id, role } = properties["info"] as { readonly id: string; readonly role: string };
        if (role === "assistant") answers.add(id);
        return [];
      }
      case "message.part.updated":
        return ofPart(properties["part"] as Part);
      case "session.error":
        return trouble(`error: ${explain(properties["error"])}`, true);
      case "session.status": {
        const { type, message } = properties["status"] as {
          readonly type: string;
          readonly message?: string;
        };
        return type === "retry" ? trouble(`waits for the provider: ${message ?? "it said no more"}`) : [];
      }
      case "permission.asked": {
        const { permission, patterns } = properties as unknown as Pick<
          AskedPermission,
          "permission" | "patterns"
        >;
        return trouble(`asks for permission: ${permission} ${patterns.join(", ")}`);
      }
      default:
        return [];
    }
  }

  return {
    read(events) {
      const fresh = events.slice(position);
      position = events.length;
      return fresh.flatMap(ofEvent);
    },
  };
}

interface AskedPermission {
  readonly permission: string;
  readonly patterns: readonly string[];
}

/** The sentence of a host error, and its name if there is no sentence. */
function explain(error: unknown): string {
  if (typeof error !== "object" || error === null) return "the host gave no reason";
  const { name, data } = error as { readonly name?: string; readonly data?: { readonly message?: string } };
  // Below the sentence comes a stack of the host's.
  return (data?.message ?? name ?? JSON.stringify(error)).split(/\n|\s{2,}at /)[0] ?? "";
}
