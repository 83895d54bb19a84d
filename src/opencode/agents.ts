import type { AgentProfile } from "../ports.ts";
import { sendOk, type Transport } from "./client.ts";
import { type Fields, fields, list, present, text } from "./decode.ts";
import { rulesOf } from "./rules.ts";
import { modelOf } from "./sessions.ts";
import { withoutOurs } from "./tool-offer.ts";

/**
 * The agents of a directory with their whole rules: the host's defaults, the built-in agent's, the config's and the
 * agent's own, in the order in which they are evaluated. What our own config hook withholds is taken out again, or
 * every agent would seem to deny the team's tools.
 */
export async function readAgents(
  transport: Transport,
  directory: string,
  deadlineMs: number,
): Promise<readonly AgentProfile[]> {
  const answer = await sendOk(transport, { method: "GET", path: "/agent", directory, deadlineMs });
  return list(answer.body).flatMap((entry) => profileOf(fields(entry)) ?? []);
}

const MODES = ["primary", "subagent", "all"] as const;

function profileOf(agent: Fields): AgentProfile | undefined {
  const name = text(agent["name"]);
  const mode = MODES.find((known) => known === agent["mode"]);
  if (name === undefined || mode === undefined) return undefined;
  const variant = text(agent["variant"]);
  const model = modelOf({ ...fields(agent["model"]), variant }, "modelID");
  return present({
    name,
    mode,
    rules: withoutOurs(rulesOf(agent["permission"])),
    model,
    description: text(agent["description"]),
  });
}
