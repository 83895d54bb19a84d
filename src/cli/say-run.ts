import type { MemberStatus } from "../core/run.ts";
import { type Paint, paint } from "./paint.ts";
import { countTasks, leadStanding, type MemberStanding, memberStandings } from "./run-facts.ts";
import { counted, cut, plain, table } from "./table.ts";
import type { RunView, Screen, World } from "./world.ts";

const INDENT = "  ";
const HEADING = [
  "MEMBER",
  "STATUS",
  "FOR",
  "TOOL",
  "UNREAD",
  "TURNS",
  "TOKENS",
  "COST",
  "TASKS",
  "AGENT",
  "REASON",
];

/** What can be left out where the screen is narrow, first what is missed least. */
const DISPENSABLE = ["AGENT", "COST", "TOKENS", "TURNS", "TASKS", "FOR", "TOOL"];

const COLOURS: Readonly<Partial<Record<MemberStatus, Paint>>> = {
  working: "green",
  needs_approval: "yellow",
  interrupted: "yellow",
  failed: "red",
  lost: "red",
  done: "dim",
};

/** A run for people: what it is, who moves it, and a line for each member. */
export function sayRun(world: World, screen: Screen, view: RunView): string {
  const { age } = world;
  const { width } = screen;
  const { state, unread } = view;
  const { runId, team, label, status, reason, createdAt, lead, messages, spent } = state;
  const heading = `${team.name}${label === undefined ? "" : ` (${label})`}  ${runId}`;
  const facts = [
    `${INDENT}${status}${reason === undefined ? "" : ` (${reason})`} for ${age(state.since)}, created ${age(createdAt)} ago`,
    `${INDENT}owner: ${sayOwner(view)}`,
    `${INDENT}lead: ${lead.sessionId} in ${lead.directory}, ${unread["lead"] ?? 0} unread${sayLead(world, view)}`,
    `${INDENT}tasks: ${sayTasks(view)}; ${counted(messages, "message")} so far`,
    ...(spent.length === 0 ? [] : [`${INDENT}used up: ${spent.join(", ")}`]),
  ];
  const members = memberStandings(world, view);
  const rows = members.map((one) => row(age, view, one));
  const lines = rows.length === 0 ? [] : table(HEADING, rows, width && width - INDENT.length, DISPENSABLE);
  return [
    paint(screen, "bold", cut(plain(heading), width)),
    ...facts.map((fact) => cut(plain(fact), width)),
    ...lines.map((line, index) => {
      const one = members[index - 1];
      const colour = one ? COLOURS[one.standing.status] : "dim";
      return INDENT + (colour ? paint(screen, colour, line) : line);
    }),
  ].join("\n");
}

/** Nothing of one that simply waits. */
function sayLead(world: World, view: RunView): string {
  const { status, since, reason } = leadStanding(world, view);
  if (status === "waiting" && reason === undefined) return "";
  return `, ${status}${reason === undefined ? "" : ` (${reason})`} for ${world.age(since)}`;
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

function row(
  age: World["age"],
  view: RunView,
  { member: { plan, usage, tasks }, standing }: MemberStanding,
): readonly string[] {
  const { status, since, tool, reason = "" } = standing;
  return [
    plan.name,
    status,
    age(since),
    tool === undefined ? "" : `${tool.name} ${age(tool.startedAt)}`,
    String(view.unread[plan.name] ?? 0),
    String(usage.turns),
    usage.tokens === 0 ? "" : String(usage.tokens),
    usage.cost === 0 ? "" : usage.cost.toFixed(2),
    tasks.map((taskId) => `#${taskId}`).join(" "),
    plan.agent,
    reason,
  ];
}
