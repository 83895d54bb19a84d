import type { DeedEffect } from "../core/effects.ts";
import type { RunId } from "../core/ids.ts";
import { memberRules } from "../core/permission-rules.ts";
import { directoryOf, type Member, memberOf, type PermissionRule, type RunState } from "../core/run.ts";
import type { Worktree } from "../core/worktree.ts";
import { FlotillaError } from "../errors.ts";
import { clearWorktree } from "./clear-worktree.ts";
import { describe } from "./describe.ts";
import { loadOwned } from "./task-books.ts";
import type { Transactor } from "./transact.ts";
import type { World } from "./world.ts";

/** The host makes an instance and loads its plugins before it answers; one that comes later than this does not come. */
const INSTANCE_DEADLINE_MS = 5_000;

type OpenSession = Extract<DeedEffect, { readonly type: "open_session" }>;

/**
 * Gives a member its session, in its worktree if it is to have one. Each step finds what an earlier attempt has done: the
 * worktree by the names that were committed before, the session by its mark.
 */
export async function openSession(
  world: World,
  transactor: Transactor,
  state: RunState,
  deed: OpenSession,
  again: boolean,
): Promise<void> {
  const { runId, lead } = state;
  const { member: name, generation } = deed;
  const member = memberOf(state, name);
  if (!member || member.generation !== generation || member.sessionId !== undefined) return;
  const { agent, model } = member.plan;
  const mark = { runId, member: name, generation, effectId: deed.effectId };
  const directory = directoryOf(state, member);
  try {
    const rules =
      directory === lead.directory ? member.plan.rules : await readyWorktree(world, state, member, directory);
    if (!(await isWanted(world, runId, deed))) return;
    const found = again ? await world.host.findSession(lead.sessionId, mark) : undefined;
    const sessionId =
      found ??
      (await world.host.openSession({
        parentId: lead.sessionId,
        title: `${state.team.name}: ${name}`,
        directory,
        agent,
        rules,
        mark,
        ...(model === undefined ? {} : { model }),
      }));
    await transactor.transact(runId, () => ({
      type: "note_session_opened",
      member: name,
      generation,
      sessionId,
      directory,
    }));
  } catch (fault) {
    if (!(await isWanted(world, runId, deed))) return;
    // One that held the work of an earlier generation stays for the next.
    const fresh = member.worktree && !member.worktree.made;
    const worktree = fresh ? await clearWorktree(world, state, member) : undefined;
    const left = worktree?.outcome === "kept" ? ` ${member.worktree?.path} is kept: ${worktree.reason}.` : "";
    await transactor.transact(runId, async (now) => ({
      type: "note_spawn_failed",
      member: name,
      generation,
      reason: `${whyNot(fault)}${left}`,
      ...(worktree === undefined ? {} : { worktree }),
      book: await loadOwned(world, now, name),
    }));
  }
}

/** Making a worktree takes its time: the member, or the whole run, may have ended meanwhile. */
async function isWanted(
  { runs }: World,
  runId: RunId,
  { member: name, generation }: OpenSession,
): Promise<boolean> {
  const state = await runs.read(runId);
  const member = state && memberOf(state, name);
  return member?.status === "starting" && member.generation === generation;
}

/**
 * Makes the worktree and answers the rules of a session in it. The host reads the configuration again there, as it is
 * committed: the plugin and the agent have to be in it, and what the agent may do is what both places say.
 */
async function readyWorktree(
  { host, worktrees, clock }: World,
  state: RunState,
  { plan, worktree }: Member,
  directory: string,
): Promise<readonly PermissionRule[]> {
  await worktrees.make(worktree as Worktree);
  const until = clock.now() + INSTANCE_DEADLINE_MS;
  const agents = await host.agents(directory);
  if (!(await host.awaitInstance(directory, until - clock.now()))) throw noPlugin(directory);
  const agent = agents.find((one) => one.name === plan.agent);
  if (!agent) throw noAgent(plan.agent, directory);
  const known = (await host.agents(state.lead.directory)).find((one) => one.name === plan.agent);
  if (!known || JSON.stringify(known.rules) === JSON.stringify(agent.rules)) return plan.rules;
  return memberRules({ lead: [...known.rules, ...plan.rules], agent: agent.rules });
}

function noPlugin(directory: string): FlotillaError {
  return new FlotillaError({
    code: "worktree_failed",
    message: `opencode-flotilla is not loaded in the worktree ${directory}, which has only what git tracks`,
    hint: "Commit opencode.json or install the plugin globally; or leave worktree out.",
    details: { directory },
  });
}

function noAgent(agent: string, directory: string): FlotillaError {
  return new FlotillaError({
    code: "agent_unknown",
    message: `the agent "${agent}" does not exist in the worktree ${directory}, which has only what git tracks`,
    hint: "Commit the agent's file or define it globally; or leave worktree out.",
    details: { agent, directory },
  });
}

/** Whoever reads why a member did not start has to do something about it. */
function whyNot(fault: unknown): string {
  return fault instanceof FlotillaError ? fault.said().message : describe(fault);
}
