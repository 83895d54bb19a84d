import type { GlobalEvent } from "@opencode-ai/sdk/v2/types";
import { openRecording, type Recording } from "./recording.ts";

/** One event of the host, of whatever directory. */
export interface HostEvent {
  readonly receivedAt: number;
  readonly directory: string;
  readonly id: string;
  readonly type: GlobalEvent["payload"]["type"] | (string & {});
  readonly properties: Readonly<Record<string, unknown>>;
}

export interface EventTap {
  readonly recording: Recording<HostEvent>;
  close(): void;
}

/** The session an event is about, if it is about one. */
export function sessionOf(event: HostEvent): string | undefined {
  const { sessionID, info, part } = event.properties;
  if (typeof sessionID === "string") return sessionID;
  for (const inner of [info, part]) {
    if (typeof inner !== "object" || inner === null) continue;
    if ("sessionID" in inner && typeof inner.sessionID === "string") return inner.sessionID;
  }
  return undefined;
}

/** Everything `GET /global/event` says from now on. A new tap starts empty: the host replays nothing. */
export async function tapEvents(
  baseUrl: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventTap> {
  const recording = openRecording<HostEvent>("event", describeEvents);
  const closing = new AbortController();
  const response = await fetch(`${baseUrl}/global/event`, { headers, signal: closing.signal });
  if (response.body === null) throw new Error(`${baseUrl}/global/event has no body`);
  const connected = recording.first((event) => event.type === "server.connected", { timeoutMs: 10_000 });
  // The stream ends when the host dies, which many tests cause on purpose.
  pump(response.body, recording).catch(() => {});
  await connected;
  return { recording, close: () => closing.abort() };
}

async function pump(body: ReadableStream<Uint8Array>, recording: Recording<HostEvent>): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const text = block
        .split("\n")
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice("data:".length))
        .join("\n");
      if (text !== "") recording.add(readEvent(text));
    }
  }
}

function readEvent(text: string): HostEvent {
  const event = JSON.parse(text) as {
    directory?: string;
    payload: { id?: string; type: string; properties?: Record<string, unknown> };
  };
  return {
    receivedAt: Date.now(),
    directory: event.directory ?? "",
    id: event.payload.id ?? "",
    type: event.payload.type,
    properties: event.payload.properties ?? {},
  };
}

/** The newest events, without the stream of deltas and the forty `plugin.added` of a first turn. */
function describeEvents(events: readonly HostEvent[]): string {
  const telling = events.filter(
    (event) => event.type !== "message.part.delta" && event.type !== "plugin.added",
  );
  const shown = telling
    .slice(-40)
    .map((event) => `  ${event.type} ${sessionOf(event) ?? ""} ${gist(event)}`.trimEnd());
  return [`  (${events.length} events, the last ${shown.length} of note)`, ...shown].join("\n");
}

function gist(event: HostEvent): string {
  const { status, error } = event.properties;
  const subject = error ?? status;
  return subject === undefined ? "" : JSON.stringify(subject).slice(0, 200);
}
