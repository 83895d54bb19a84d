import type { Verbs } from "../app/verbs.ts";
import { name, text } from "./argument.ts";
import { shutdownAnswer } from "./shutdown-answer.ts";
import { required } from "./slots.ts";
import { type Tool, tool } from "./tool.ts";

const DESCRIPTION =
  "Refuse a requested shutdown: your own, because work is left, or as the lead any member's. Who asked is told the reason.";

export function teamRejectShutdown(verbs: Verbs): Tool {
  return tool({
    name: "team_reject_shutdown",
    description: DESCRIPTION,
    slots: {
      memberName: required(
        name("Who goes on; your own name if it is you"),
        "targetMemberName",
        "member",
        "name",
        "target",
      ),
      reason: required(text("What is left to do"), "message"),
    },
    async answer({ memberName: member, reason }, call) {
      return shutdownAnswer(await verbs.rejectShutdown(call, { member, reason }));
    },
  });
}
