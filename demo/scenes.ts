import { after, call, type Reply, type StreamReply } from "../test/support/model-replies.ts";
import { type ModelRequest, mentions, toolResults } from "../test/support/model-request.ts";
import type { ModelServer } from "../test/support/model-server.ts";

/**
 * A part for the scripted model: what it says depends on what it has been sent, so the order in which mail arrives is
 * the team's doing and not the script's.
 */
export interface Actor {
  readonly name: string;
  /** Whether a session's first request is this actor's. */
  readonly is: (request: Omit<ModelRequest, "speaker">) => boolean;
  /** The first whose cue has come and that has beats left is played on: what stands above interrupts what is below. */
  readonly scenes: readonly Scene[];
  /** When nothing is left to play for now. */
  readonly pause: Beat;
}

export interface Scene {
  readonly cue: (request: ModelRequest) => boolean;
  /** One an answer of the model. */
  readonly beats: readonly Beat[];
}

export type Beat = Reply | ((request: ModelRequest) => Reply);

/** `thinkingMs` is how long an answer takes to begin. */
export function playScenes(model: ModelServer, actors: readonly Actor[], thinkingMs: number): void {
  for (const actor of actors) {
    model.name(actor.name, actor.is);
    const played = new Map<Scene, number>();
    model.script((request) => {
      if (request.kind !== "turn" || request.speaker !== actor.name) return undefined;
      const scene = actor.scenes.find((one) => (played.get(one) ?? 0) < one.beats.length && one.cue(request));
      const beat = scene?.beats[played.get(scene) ?? 0] ?? actor.pause;
      if (scene) played.set(scene, (played.get(scene) ?? 0) + 1);
      return after(thinkingMs, typeof beat === "function" ? beat(request) : beat);
    });
  }
}

/** A member's session begins with its brief, which tells it its name. */
export function member(name: string): Actor["is"] {
  return (request) =>
    request.parentSessionId !== undefined && request.lastUserText.includes(`You are ${name}, `);
}

/** Mail of that sender and kind has come, at any time. */
export function mailed(from: string, kind = "message"): Scene["cue"] {
  return (request) => mentions(request, `<peer_message from="${from}" kind="${kind}"`) > 0;
}

export function all(...cues: readonly Scene["cue"][]): Scene["cue"] {
  return (request) => cues.every((cue) => cue(request));
}

/** The newest result of that tool, if it says so. */
export function answered(tool: string, what: RegExp): Scene["cue"] {
  return (request) => what.test(toolResults(request).findLast(({ name }) => name === tool)?.text ?? "");
}

export function tell(to: string, body: string, summary: string): StreamReply {
  return call("team_send_message", { to, body, summary });
}
