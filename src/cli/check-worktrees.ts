import { join } from "node:path";
import { namesIn } from "./files.ts";
import { type Finding, warning } from "./finding.ts";
import { quoted } from "./table.ts";

/**
 * Worktrees of runs that are over: they were kept because of what is in them, and nothing else tells of them any more. One at
 * a path of the user's own choice is not found here.
 */
export function checkWorktrees(baseDir: string): readonly Finding[] {
  const folder = join(baseDir, "worktrees");
  const live = new Set(namesIn(join(baseDir, "runs")));
  return namesIn(folder)
    .filter((runId) => !live.has(runId))
    .flatMap((runId) => namesIn(join(folder, runId)).map((member) => join(folder, runId, member)))
    .map((path) => {
      const word = quoted(path);
      const todo = `See what it holds: git -C ${word} status. Then: git -C ${word} worktree remove ${word}`;
      return warning("runs", `${path} is a worktree of a run that is over`, todo);
    });
}
