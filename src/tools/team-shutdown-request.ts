import type { Verbs } from "../app/verbs.ts";
import { name, text } from "./argument.ts";
import { shutdownAnswer } from "./shutdown-answer.ts";
import { optional, required } from "./slots.ts";
import { type Tool, tool } from "./tool.ts";

const DESCRIPTION =
  "Ask a member to end, as the lead, or as a member for itself. It is woken and answers with approval or a reason against it.";

export function teamShutdownRequest(verbs: Verbs): Tool {
  return tool({
    name: "team_shutdown_request",
    description: DESCRIPTION,
    slots: {
      targetMemberName: required(name("Who is to end"), "memberName", "member", "name", "target", "to"),
      reason: optional(text("Why, for the member"), "message"),
    },
    async answer({ targetMemberName: member, ...rest }, call) {
      return shutdownAnswer(await verbs.requestShutdown(call, { member, ...rest }));
    },
  });
}
