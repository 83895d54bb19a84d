import type { CreateReport, Verbs } from "../app/verbs.ts";
import { row, waited } from "./answer.ts";
import { integer, list, name, record, text } from "./argument.ts";
import { fromJson, isAbsent, isObject } from "./reading.ts";
import { optional, required, unpublished } from "./slots.ts";
import { isJsonLike, teamSpec } from "./team-spec.ts";
import { type Tool, tool } from "./tool.ts";
import { LONGEST_WAIT_MS, timeoutMs, waitFor } from "./waiting.ts";

const DESCRIPTION = `Start a team: members that work in parallel, each in a session of its own, talk by mail and share a task list. You lead it. Use it when the person asks for a team, or the work falls into independent parts; for one quick errand use the task tool. Give teamName or inline_spec. Returns when every member has started or failed, with runId and each member's status. Members begin by themselves and their mail wakes you.`;

export function teamCreate(verbs: Verbs): Tool {
  const firstTask = record({
    subject: required(text(), "title", "name"),
    description: required(text("Complete: its owner sees nothing else"), "body", "content", "prompt"),
    blockedBy: optional(
      list(integer({ min: 1 }), "Positions in this list, from 1", { commas: true }),
      "dependsOn",
    ),
    owner: optional(name("A member; else anyone takes it"), "assignee", "member"),
  });
  return tool({
    name: "team_create",
    description: DESCRIPTION,
    slots: {
      teamName: optional(name("A declared team; team_list shows them"), "name"),
      inline_spec: optional(teamSpec(), "spec"),
      tasks: optional(list(firstTask, "The first tasks of the shared list")),
      label: optional(text("A short name for this run")),
      waitFor: optional(
        waitFor("Answer only after a change, when all are idle, or on mail for you; at most 60 s"),
        "wait",
      ),
      teamRunId: optional(text("Your live run: adds the members to it"), "runId"),
      timeoutMs: unpublished(timeoutMs(), "timeout"),
    },
    rewrite: gathered,
    async answer(
      { teamName, inline_spec, label, tasks, waitFor: until, timeoutMs: limit = LONGEST_WAIT_MS },
      call,
    ) {
      const report = await verbs.createTeam(call, {
        ...described(teamName, inline_spec),
        ...(label === undefined ? {} : { label }),
        ...(tasks === undefined
          ? {}
          : { tasks: tasks.map(({ blockedBy = [], ...task }) => ({ ...task, blockedBy })) }),
        ...(until === undefined ? {} : { waitFor: until }),
        timeoutMs: limit,
      });
      return {
        ...row({
          runId: report.runId,
          status: report.status,
          members: report.members,
          tasks: report.tasks,
          notes: report.notes,
          waited: report.waited && waited(report.waited),
        }),
        next: next(report),
      };
    },
  });
}

/** Models write the team under `team` or spread it over the arguments; both have one meaning. */
function gathered(written: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { team, ...others } = written;
  const isSpec = isObject(team) || isJsonLike(team);
  const named = isAbsent(team) ? others : { [isSpec ? "inline_spec" : "teamName"]: team, ...others };
  if (isAbsent(named["members"]) || !isAbsent(named["inline_spec"])) return named;
  const { members, description, lead, ...rest } = named as Readonly<Record<string, unknown>>;
  return { ...rest, inline_spec: { ...row({ description, lead }), members: listed(members) } };
}

function listed(members: unknown): unknown {
  return typeof members === "string" ? (fromJson(members, "[") ?? members) : members;
}

/** Beside a spec that has no name, `teamName` is that name. */
function described(
  teamName: string | undefined,
  spec: unknown,
): { readonly teamName?: string; readonly inlineSpec?: unknown } {
  const isNameless = isObject(spec) && isAbsent(spec["name"]);
  if (teamName !== undefined && isNameless) return { inlineSpec: { ...spec, name: teamName } };
  return {
    ...(teamName === undefined ? {} : { teamName }),
    ...(spec === undefined ? {} : { inlineSpec: spec }),
  };
}

function next({ members, toolsNextTurn }: CreateReport): string {
  const failed = members.filter((member) => member.status === "failed").map((member) => member.name);
  const replace =
    failed.length === 0
      ? ""
      : `${failed.join(", ")} did not start, see error; team_create with a corrected inline_spec adds a member. `;
  const goOn = toolsNextTurn
    ? "Your other team tools come with your next turn, which starts by itself: end this turn now."
    : "Add work with team_task_create or team_send_message, then end your turn: mail wakes you. At the end: team_delete.";
  return `${replace}${goOn}`;
}
