import { expect } from "bun:test";
import { mailOf } from "../e2e/envelopes.ts";
import type { Actor, Stage, Team } from "../e2e/stage.ts";
import { eventually } from "../support/eventually.ts";
import { textOf } from "../support/host-api.ts";
import { call, say } from "../support/model-replies.ts";
import { arm } from "./fuse.ts";
import { type Account, audit, SentLists, standing } from "./ledger.ts";
import type { CrashPoint } from "./points.ts";

/** Who writes to whom. */
export const ROUTES = ["lead to member", "member to lead", "broadcast"] as const;
export type Route = (typeof ROUTES)[number];

interface Correspondence {
  readonly sender: Actor;
  readonly to: string;
  readonly recipients: readonly string[];
}

/** A cold host on two loaded cores, the back-off of a turn that was cut off (1 s), and the answers to what that brings. */
const QUIET_WITHIN_MS = 60_000;

let serial = 0;

/**
 * One message on its way from `called` to `acked`, with the host killed at the point and started again. Nobody prompts
 * anybody afterwards. Answers what became of all mail of the team so far.
 */
export async function crashAt(play: Stage, team: Team, point: CrashPoint, route: Route): Promise<Account> {
  const { sender, to, recipients } = correspondenceOf(team, route);
  serial += 1;
  const body = `Letter ${serial}`;
  const seats = recipients.map((name) => (name === "lead" ? team.lead : team.member(name)));
  const moment = point.moment({
    sender: sender.sessionId,
    recipients: anyOf(recipients),
    sessions: anyOf(seats.map(({ sessionId }) => sessionId)),
    body,
  });
  await arm(play.host.home, moment);
  // Whoever reads it works on it: so there are turns that are cut off after the message was answered.
  play.model.script((request) =>
    seats.some(({ sessionId }) => sessionId === request.sessionId) &&
    request.lastUserText.includes(`>${body}<`) &&
    request.toolResultsSinceLastUser.length === 0
      ? call("team_task_list")
      : undefined,
  );
  sender.plays(call("team_send_message", { to, body }), say("Sent."));
  await play.host.promptAsync(sender.sessionId, "Write your letter.", { agent: sender.agent });
  await play.host.died({ what: `death at "${point.name}"` });
  await revive(play);
  const result = await account(play, team, new SentLists());
  const wanted = point.uncommitted !== true;
  const arrivals = await Promise.all(seats.map(({ sessionId }) => holds(play, sessionId, body)));
  const wrong = recipients.filter((_, at) => arrivals[at] !== wanted);
  return { ...result, lost: [...result.lost, ...wrong.map((name) => `"${body}" and ${name}`)] };
}

async function holds(play: Stage, sessionId: string, body: string): Promise<boolean> {
  const mail = (await play.host.messages(sessionId)).flatMap((message) => mailOf(textOf(message)));
  return mail.some((one) => one.body === body);
}

/** Starts the host again; the first request for the directory starts the plugin. */
async function revive(play: Stage): Promise<void> {
  await play.host.start();
  await play.host.status();
}

/** What became of all mail of the team once it is quiet, or as it is when it does not become quiet. */
export async function account(
  play: Stage,
  team: Team,
  sent: SentLists,
  stuck: readonly string[] = [],
): Promise<Account> {
  await eventually(async () => expect(await standing(team)).toEqual({ reserved: [], stuck: [] }), {
    timeoutMs: QUIET_WITHIN_MS,
  }).catch(() => undefined);
  sent.note(play.model.requests);
  const result = await audit(team, play.host.messages, sent);
  return { ...result, stuck: [...stuck, ...result.stuck] };
}

function correspondenceOf(team: Team, route: Route): Correspondence {
  switch (route) {
    case "lead to member":
      return { sender: team.lead, to: "ada", recipients: ["ada"] };
    case "member to lead":
      return { sender: team.member("ada"), to: "lead", recipients: ["lead"] };
    case "broadcast":
      return { sender: team.lead, to: "*", recipients: ["ada", "bo"] };
  }
}

function anyOf(words: readonly string[]): string {
  return `(?:${words.join("|")})`;
}
