import type { Verbs } from "../app/verbs.ts";
import { name } from "./argument.ts";
import { shutdownAnswer } from "./shutdown-answer.ts";
import { required } from "./slots.ts";
import { type Tool, tool } from "./tool.ts";

const DESCRIPTION =
  "Agree to a requested shutdown: your own, or as the lead any member's. The member ends after its current turn and its open tasks return to the list.";

export function teamApproveShutdown(verbs: Verbs): Tool {
  return tool({
    name: "team_approve_shutdown",
    description: DESCRIPTION,
    slots: {
      memberName: required(
        name("Who ends; your own name if it is you"),
        "targetMemberName",
        "member",
        "name",
        "target",
      ),
    },
    async answer({ memberName: member }, call) {
      return shutdownAnswer(await verbs.approveShutdown(call, { member }));
    },
  });
}
