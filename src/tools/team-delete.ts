import type { Verbs } from "../app/verbs.ts";
import { row, taskRow } from "./answer.ts";
import { flag } from "./argument.ts";
import { optional } from "./slots.ts";
import { type Tool, tool } from "./tool.ts";

const DESCRIPTION =
  "End your team's run, once you have what you need. Refused while members work or have work pending; shut them down first, or use force. Transcripts are kept, and so are worktrees with uncommitted or unmerged work: merge first.";

export function teamDelete(verbs: Verbs): Tool {
  return tool({
    name: "team_delete",
    description: DESCRIPTION,
    slots: { force: optional(flag("Stop members in the middle of their work")) },
    async answer({ force = false }, call) {
      const { unfinishedTasks, unreadMessages, ...report } = await verbs.deleteTeam(call, { force });
      const kept = report.worktrees.filter(({ outcome }) => outcome === "kept");
      return {
        ...row({
          ...report,
          unfinishedTasks: unfinishedTasks.map(taskRow),
          unreadMessages: unreadMessages || undefined,
        }),
        next:
          kept.length === 0
            ? "The run is over. Tell the person the outcome."
            : "The run is over. Tell the person the outcome, and which worktrees are kept, why, and the command.",
      };
    },
  });
}
