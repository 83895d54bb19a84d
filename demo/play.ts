import type { Session } from "@opencode-ai/sdk/v2/types";
import { followHost } from "./follow-host.ts";
import type { RunsFollower } from "./follow-runs.ts";
import type { Stage } from "./stage.ts";
import type { Timeline } from "./timeline.ts";

/** How it went: `closed` when a team was deleted and its lead has said its last word. */
export type Ending = { readonly closed: true } | { readonly closed: false; readonly reason: string };

export interface Play {
  readonly stage: Stage;
  readonly runs: RunsFollower;
  readonly timeline: Timeline;
  readonly lead: Session;
  readonly request: string;
  readonly deadlineMs: number;
}

/** Short beside a tool call of a model, long beside a look at a few files. */
const LOOK_EVERY_MS = 50;
const ASK_EVERY_MS = 500;

/** Status and events come by different connections: the lead's last word may arrive after the news that it is idle. */
const LAST_EVENTS_MS = 300;

/** No turn for so long means that none will come: mail wakes within milliseconds, a back-off is shorter at first. */
const QUIET_MS = 15_000;

/** With a plugin configured, the host's first session may wait for an installation. */
const FIRST_SESSION_MS = 120_000;

/** The lead's session. Nobody sits here to answer a question. */
export function openLead({ host }: Stage): Promise<Session> {
  return host.call("POST", "/session", {
    query: { directory: host.work },
    body: { title: "greeter", permission: [{ permission: "question", pattern: "*", action: "deny" }] },
    timeoutMs: FIRST_SESSION_MS,
  });
}

/** Asks the lead, and follows what comes of it to the end. */
export async function play({ stage, runs, timeline, lead, request, deadlineMs }: Play): Promise<Ending> {
  const { host, model } = stage;
  const events = followHost();
  timeline.say({ who: "person", mark: "❝", text: request });
  await host.call("POST", `/session/${lead.id}/prompt_async`, {
    body: {
      agent: "build",
      model: { providerID: model.providerId, modelID: model.modelId },
      parts: [{ type: "text", text: request }],
    },
  });

  const deadline = Date.now() + deadlineMs;
  let busyAt = Date.now();
  let askedAt = 0;
  let busy = true;
  for (;;) {
    const told = events.read(host.events);
    timeline.add(told);
    timeline.add(await runs.poll());
    timeline.flush();
    const error = told.find((fact) => fact.kind === "trouble" && fact.isError);
    if (error?.kind === "trouble" && runs.runs.length === 0) return { closed: false, reason: error.text };
    // Before the question who is busy: the lead says its last word after the run is closed.
    const closed = runs.runs.at(-1)?.journal.some(({ event }) => event === "run_closed") ?? false;
    const now = Date.now();
    if (closed || now - askedAt >= ASK_EVERY_MS) {
      askedAt = now;
      busy = Object.keys(await host.status()).length > 0;
      if (busy) busyAt = now;
      await refusePermissions(stage);
    }
    if (closed && !busy) {
      await new Promise((resolve) => setTimeout(resolve, LAST_EVENTS_MS));
      timeline.add(events.read(host.events));
      return { closed: true };
    }
    if (now > deadline)
      return { closed: false, reason: `it was not done after ${Math.round(deadlineMs / 1000)} s` };
    if (!closed && now - busyAt > QUIET_MS) {
      return { closed: false, reason: "nobody works any more, and the lead has not deleted the team" };
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** What the user's own rules ask about cannot be answered here, and is never answered with yes. */
async function refusePermissions({ host }: Stage): Promise<void> {
  for (const { id } of await host.permissions()) {
    await host.replyPermission(
      id,
      "reject",
      "Nobody is here to answer. Find a way that needs no permission.",
    );
  }
}
