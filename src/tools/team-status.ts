import type { InterruptedMember, MemberReport, StatusReport, SubagentRow, Verbs } from "../app/verbs.ts";
import type { Instant } from "../core/ids.ts";
import { age, firstOf, numbers, row, waited } from "./answer.ts";
import { optional } from "./slots.ts";
import { type Tool, tool } from "./tool.ts";
import { LONGEST_WAIT_MS, timeoutMs, waitFor } from "./waiting.ts";

const DESCRIPTION =
  "See how the team stands: each member's status and why, unread mail, tasks, budgets, and what is stuck. Do not poll: mail wakes you. To stay in this turn until something happens, use waitFor; mail for you always ends the wait.";

export function teamStatus(verbs: Verbs, now: () => Instant): Tool {
  return tool({
    name: "team_status",
    description: DESCRIPTION,
    slots: {
      waitFor: optional(
        waitFor("change: anything new; idle: nobody else works; message: mail for you"),
        "wait",
      ),
      timeoutMs: optional(timeoutMs(`How long waitFor waits; default ${LONGEST_WAIT_MS}`), "timeout"),
    },
    async answer({ timeoutMs: limit = LONGEST_WAIT_MS, ...wait }, call) {
      const report = await verbs.reportStatus(call, { timeoutMs: limit, ...wait });
      const at = now();
      return {
        ...row({
          runId: report.runId,
          team: report.team,
          label: report.label,
          status: report.status,
          activity: report.activity,
          stuck: report.stuck,
          attention: report.attention,
          you: report.you,
          lead: leadRow(report.lead),
          members: report.members.map((member) => memberRow(member, at)),
          tasks: taskCounts(report.tasks),
          budgets: report.budgets,
          spent: report.spent,
          shutdowns: report.shutdowns,
          interrupted: report.interrupted.map(interruptedRow),
          subagents: report.subagents.map(subagentRow),
          waited: report.waited && waited(report.waited),
        }),
        next: next(report),
      };
    },
  });
}

/** Its session is the reader's own or of no use to the reader. */
function leadRow({ sessionId: _own, ...mail }: StatusReport["lead"]): Readonly<Record<string, unknown>> {
  return row(mail);
}

function memberRow(member: MemberReport, at: Instant): Readonly<Record<string, unknown>> {
  const { since, sessionId, cost, tasks, ...rest } = member;
  return row({
    ...rest,
    ...firstOf("tasks", tasks),
    since: age(since, at),
    session: sessionId,
    cost: cost === 0 ? undefined : Number(cost.toFixed(4)),
  });
}

/** What becomes of it is the lead's choice, and these are all there are. */
const CHOICES =
  "wake it with team_send_message, give its tasks to another with team_task_update, or retire it with team_shutdown_request";

function interruptedRow({ lastTask, tasks, ...rest }: InterruptedMember): Readonly<Record<string, unknown>> {
  return row({ ...rest, lastTask, ...firstOf("tasks", tasks), choices: CHOICES });
}

function subagentRow({ sessionId, ...rest }: SubagentRow): Readonly<Record<string, unknown>> {
  return row({ ...rest, session: sessionId });
}

function taskCounts({ ready, ...counts }: StatusReport["tasks"]): Readonly<Record<string, unknown>> {
  return row({
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ...firstOf("ready", ready),
  });
}

/** The one thing to do now: what stands still first, then what is finished, then what goes on by itself. */
function next(report: StatusReport): string {
  const { members, tasks, you, waited: wait } = report;
  if (wait?.ended === "message") return "You have mail: it is in front of you at your next step.";
  if (report.stuck !== undefined) return "Nothing moves by itself any more, see stuck.";
  const asking = members.filter((member) => member.status === "needs_approval").map((member) => member.name);
  if (asking.length > 0)
    return `${asking.join(", ")} waits for the person's approval: tell the person, who can answer with \`flotilla answer ${asking[0]} once|always|reject\`.`;
  if (you !== "lead") {
    return tasks.ready.length > 0
      ? `Ready tasks: ${numbers(tasks.ready.map((taskId) => ({ taskId })))}. team_task_list shows whose they are.`
      : "Go on with your assignment, or end your turn: mail wakes you.";
  }
  const busy = members.some(({ status }) => status === "working" || status === "starting");
  if (busy) return "Members are at work. End your turn, mail wakes you; or call again with waitFor.";
  const open = tasks.pending + tasks.claimed + tasks.in_progress;
  if (open > 0) {
    const tasks = open === 1 ? "a task is" : `${open} tasks are`;
    return `Nobody works and ${tasks} open: wake members with team_send_message.`;
  }
  return "Nobody works and no task is open. If you have what you need, end the run with team_delete.";
}
