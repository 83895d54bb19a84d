import type { Member } from "../core/run.ts";
import { countTasks, reasonOf } from "./run-facts.ts";
import { counted, cut, plain, table } from "./table.ts";
import type { RunView, Screen, World } from "./world.ts";

const INDENT = "  ";
const HEADING = ["MEMBER", "STATUS", "FOR", "UNREAD", "TURNS", "TOKENS", "COST", "TASKS", "AGENT", "REASON"];

/** A run for people: what it is, who moves it, and a line for each member. */
export function sayRun({ age }: World, { width }: Screen, view: RunView): string {
  const { state, unread } = view;
  const { runId, team, label, status, reason, createdAt, lead, members, messages, spent } = state;
  const facts = [
    `${team.name}${label === undefined ? "" : ` (${label})`}  ${runId}`,
    `${INDENT}${status}${reason === undefined ? "" : ` (${reason})`} for ${age(state.since)}, created ${age(createdAt)} ago`,
    `${INDENT}owner: ${sayOwner(view)}`,
    `${INDENT}lead: ${lead.sessionId} in ${lead.directory}, ${unread["lead"] ?? 0} unread`,
    `${INDENT}tasks: ${sayTasks(view)}; ${counted(messages, "message")} so far`,
    ...(spent.length === 0 ? [] : [`${INDENT}used up: ${spent.join(", ")}`]),
  ];
  const rows = Object.values(members).map((member) => row(age, view, member));
  const lines = rows.length === 0 ? [] : table(HEADING, rows, width && width - INDENT.length);
  return [...facts.map((fact) => cut(plain(fact), width)), ...lines.map((line) => `${INDENT}${line}`)].join(
    "\n",
  );
}

function sayOwner({ owner }: RunView): string {
  if (!owner) return "none; the run rests until OpenCode is started in the lead's directory";
  if (owner.alive) return `process ${owner.pid}, alive`;
  return `process ${owner.pid}, dead; the run waits for OpenCode to be started in the lead's directory`;
}

function sayTasks(view: RunView): string {
  const counts = Object.entries(countTasks(view)).filter(([, count]) => count > 0);
  return counts.map(([word, count]) => `${count} ${word.replace("_", " ")}`).join(", ") || "none";
}

function row(age: World["age"], view: RunView, member: Member): readonly string[] {
  const { plan, status, since, usage, tasks } = member;
  return [
    plan.name,
    status,
    age(since),
    String(view.unread[plan.name] ?? 0),
    String(usage.turns),
    usage.tokens === 0 ? "" : String(usage.tokens),
    usage.cost === 0 ? "" : usage.cost.toFixed(2),
    tasks.map((taskId) => `#${taskId}`).join(" "),
    plan.agent,
    reasonOf(view, member) ?? "",
  ];
}
