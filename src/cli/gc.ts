import { existsSync } from "node:fs";
import type { Worktree } from "../core/worktree.ts";
import { FlotillaError } from "../errors.ts";
import { agreed, YES_OPTION } from "./agree.ts";
import { type Command, command, JSON_OPTION } from "./command.ts";
import { baseDirOf, readArchive } from "./live-runs.ts";
import { paint } from "./paint.ts";
import { counted, plain } from "./table.ts";
import type { Leftover, Screen, World } from "./world.ts";

/** Removes what nobody needs any more, as OpenCode does it in passing. What could be somebody's is left, and said. */
export const gc: Command = command({
  name: "gc",
  does: "removes what runs and crashes have left behind",
  about: [
    "Runs that were archived more than 7 days ago; files in the making and locks of processes that are gone; worktrees of runs that are over, if they hold nothing that is not elsewhere. A run whose owner lives is not touched.",
    "It shows what it will remove and asks first.",
  ],
  words: [],
  options: { ...YES_OPTION, ...JSON_OPTION },
  examples: [
    { line: "flotilla gc", does: "shows it and asks" },
    { line: "flotilla gc --yes", does: "for a script" },
    { line: "flotilla gc --json", does: "what there is, for a program; removes it only with --yes" },
  ],
  exitCodes: {
    0: "done, or there is nothing to remove",
    1: "there is something, and nothing was removed",
    2: "something could not be removed; standard error says what and why",
  },
  async start(world, { options, screen, terminal }) {
    const baseDir = baseDirOf(world);
    const leftovers = await world.leftovers(baseDir).list();
    const worktrees = await leftWorktrees(world, baseDir);
    const free = worktrees.filter(({ held }) => held.length === 0);
    const count = leftovers.length + free.length;
    if (options.json) {
      const report = {
        baseDir,
        leftovers,
        worktrees: worktrees.map(({ tree, held }) => ({ ...tree, held })),
      };
      terminal.print(`${JSON.stringify(report, null, 2)}\n`);
      if (!options.yes) return { code: count === 0 ? 0 : 1 };
    } else {
      terminal.print(`${say(world, screen, baseDir, leftovers, worktrees)}\n`);
      if (count === 0) return { code: 0 };
      if (!(await agreed(terminal, options, `Remove ${counted(count, "thing")}?`))) return { code: 1 };
    }
    for (const leftover of leftovers) await world.leftovers(baseDir).remove(leftover);
    const kept: string[] = [];
    for (const { tree, directory } of free) {
      const { outcome, reason } = await world.worktrees(baseDir).remove(tree, directory);
      if (outcome === "kept") kept.push(`${tree.path}: ${reason}`);
    }
    if (kept.length > 0) throw notRemoved(kept);
    return options.json ? { code: 0 } : { text: `Removed ${counted(count, "thing")}.`, code: 0 };
  },
});

/** A worktree of a run that is over. */
interface LeftWorktree {
  readonly tree: Worktree;
  /** Where its run was led: what is merged there is not lost. */
  readonly directory: string;
  /** What is nowhere else. */
  readonly held: readonly string[];
}

async function leftWorktrees(world: World, baseDir: string): Promise<readonly LeftWorktree[]> {
  const left: LeftWorktree[] = [];
  for (const { lead, members } of await readArchive(world, baseDir)) {
    for (const { worktree: tree } of Object.values(members)) {
      if (!tree || tree.end?.outcome === "removed" || !existsSync(tree.path)) continue;
      left.push({
        tree,
        directory: lead.directory,
        held: await heldBy(world, baseDir, tree, lead.directory),
      });
    }
  }
  return left;
}

async function heldBy(
  world: World,
  baseDir: string,
  tree: Worktree,
  directory: string,
): Promise<readonly string[]> {
  try {
    return await world.worktrees(baseDir).holdings(tree, directory);
  } catch (fault) {
    if (!(fault instanceof FlotillaError)) throw fault;
    return [fault.message];
  }
}

const TITLES: Readonly<Record<Leftover["kind"], string>> = {
  archived_run: "Runs that were archived more than 7 days ago",
  temporary: "Files in the making of processes that are gone",
  lock: "Locks of processes that are gone",
};

function say(
  { age }: World,
  screen: Screen,
  baseDir: string,
  leftovers: readonly Leftover[],
  worktrees: readonly LeftWorktree[],
): string {
  const section = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : [paint(screen, "bold", title), ...lines.map((line) => `  ${plain(line)}`)];
  const isFree = ({ held }: LeftWorktree): boolean => held.length === 0;
  const lines = [
    ...(Object.keys(TITLES) as Leftover["kind"][]).flatMap((kind) =>
      section(
        TITLES[kind],
        leftovers.filter((one) => one.kind === kind).map(({ path, since }) => `${path}  ${age(since)} old`),
      ),
    ),
    ...section(
      "Worktrees of runs that are over, which hold nothing that is not elsewhere",
      worktrees.filter(isFree).map(({ tree }) => `${tree.path}  branch ${tree.branch}`),
    ),
    ...section(
      "Worktrees of runs that are over, which stay",
      worktrees.filter((one) => !isFree(one)).map(({ tree, held }) => `${tree.path}  ${held.join("; ")}`),
    ),
  ];
  const isClean = leftovers.length === 0 && !worktrees.some(isFree);
  return [...lines, ...(isClean ? [`Nothing to remove in ${baseDir}.`] : [])].join("\n");
}

function notRemoved(kept: readonly string[]): FlotillaError {
  return new FlotillaError({
    code: "worktree_failed",
    message: `not removed:\n${kept.join("\n")}`,
    hint: "Everything else is. Look at these with git status.",
  });
}
