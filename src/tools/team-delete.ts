import type { Verbs } from "../app/verbs.ts";
import { row, taskRow } from "./answer.ts";
import { flag } from "./argument.ts";
import { optional } from "./slots.ts";
import { type Tool, tool } from "./tool.ts";

const DESCRIPTION =
  "End your team's run, once you have what you need. Refused while members work or have work pending; shut them down first, or use force. Transcripts are kept.";

export function teamDelete(verbs: Verbs): Tool {
  return tool({
    name: "team_delete",
    description: DESCRIPTION,
    slots: { force: optional(flag("Stop members in the middle of their work")) },
    async answer({ force = false }, call) {
      const { unfinishedTasks, unreadMessages, ...report } = await verbs.deleteTeam(call, { force });
      return {
        ...row({
          ...report,
          unfinishedTasks: unfinishedTasks.map(taskRow),
          unreadMessages: unreadMessages || undefined,
        }),
        next: "The run is over. Tell the person the outcome.",
      };
    },
  });
}
