import type { DeleteReport, Verbs } from "../app/verbs.ts";
import { firstOf, row, taskRow } from "./answer.ts";
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
      return {
        ...row({
          ...report,
          members: report.members.map(row),
          ...firstOf("unfinishedTasks", unfinishedTasks, taskRow),
          unreadMessages: unreadMessages || undefined,
        }),
        next: next(report),
      };
    },
  });
}

function next({ members, worktrees }: Pick<DeleteReport, "members" | "worktrees">): string {
  const works = members.filter(({ stopped }) => stopped === false).map(({ name }) => name);
  const still = `${works.join(", ")} could not be stopped: the person may have to, in that session. `;
  const kept = worktrees.some(({ outcome }) => outcome === "kept");
  const outcome = kept
    ? "The run is over. Tell the person the outcome, and which worktrees are kept, why, and the command."
    : "The run is over. Tell the person the outcome.";
  return works.length === 0 ? outcome : `${still}${outcome}`;
}
