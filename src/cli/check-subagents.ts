import type { Subagent } from "../core/subagents.ts";
import { FlotillaError } from "../errors.ts";
import { type Finding, fine, warning } from "./finding.ts";
import { counted } from "./table.ts";
import type { SubagentsView, World } from "./world.ts";

type Caller = SubagentsView["callers"][number];

/** Subagents that wait to be resumed, and what a crash has left running. Says nothing where there are none. */
export async function checkSubagents(world: World, baseDir: string): Promise<readonly Finding[]> {
  const { callers, unreadable } = await world.readSubagents(baseDir).catch(nothing);
  return [
    ...callers.flatMap((caller) => checkCaller(world, caller)),
    ...unreadable.map(({ path, fault }) => {
      const todo = "Keep it for a look; OpenCode sets it aside.";
      return warning("subagents", `${path} cannot be read: ${fault}`, todo);
    }),
  ];
}

/** What is wrong with the folder itself is told by the look at it. */
function nothing(fault: unknown): SubagentsView {
  if (fault instanceof FlotillaError) return { callers: [], unreadable: [] };
  throw fault;
}

function checkCaller(world: World, { ledger, alive, survivors }: Caller): readonly Finding[] {
  const { parentId, owner, subagents } = ledger;
  const resumable = subagents.filter(({ name, status }) => name !== undefined && status !== "done");
  const cutOff = alive ? [] : subagents.filter(({ status }) => status === "running");
  const pids = survivors.join(" ");
  return [
    ...resumable.map((one) => fine("subagents", `${sayOne(world, one)}, of session ${parentId}`)),
    ...(cutOff.length === 0
      ? []
      : [
          warning(
            "subagents",
            `${counted(cutOff.length, "subagent")} of session ${parentId} worked when process ${owner.pid} died`,
            "Start OpenCode in that project: it finds out what they have left.",
          ),
        ]),
    ...(survivors.length === 0
      ? []
      : [
          warning(
            "subagents",
            `what subagents of session ${parentId} had started still runs: ${pids}`,
            `See what it is: ps -fp ${pids}. Nobody waits for it any more.`,
          ),
        ]),
  ];
}

function sayOne(world: World, { name, sessionId, agent, label, status, ending, usedAt }: Subagent): string {
  const how = status === "running" ? "works again" : `${ending ?? "interrupted"} ${world.age(usedAt)} ago`;
  return `${name} (${sessionId}), ${agent}: ${label}; ${how}`;
}
