import { accessSync, constants, lstatSync, type Stats, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { orNothing, textOf } from "./files.ts";
import { error, type Finding, fine, warning } from "./finding.ts";
import { quoted } from "./table.ts";
import { type Entry, type Tree, treeOf } from "./tree.ts";
import type { World } from "./world.ts";

/** Of many alike, as many as a person looks at before the rest is clear. */
const SHOWN = 5;

/** Longer than any commit takes, and the time after which a call that waits for a lock gives up. */
const LOCK_HANGS_MS = 30_000;

/** Whether runs can be stored there, nobody else can read them, and no file of them was given up on. */
export async function checkBaseFolder(world: World, baseDir: string): Promise<readonly Finding[]> {
  const stats = orNothing(() => statSync(baseDir));
  if (!stats) return [checkPlaceFor(baseDir)];
  if (!stats.isDirectory()) {
    const todo = "Move it away, or set team_mode.base_dir to another place.";
    return [error("base_dir", `${baseDir} is not a folder`, todo)];
  }
  // Not below worktrees/: those files are the user's, with the modes that git gave them.
  const runs = treeOf(join(baseDir, "runs"));
  const archive = treeOf(join(baseDir, "archive"));
  const subagents = treeOf(join(baseDir, "subagents"));
  const entries = [...runs.entries, ...archive.entries, ...subagents.entries];
  return [
    checkAccess(baseDir, stats),
    ...checkModes(baseDir, stats, entries),
    ...[runs, archive, subagents].flatMap(checkClosed),
    ...checkSetAside(entries),
    ...(await checkLocks(world, runs.entries)),
  ];
}

function checkPlaceFor(baseDir: string): Finding {
  const above = nearestFolder(dirname(baseDir));
  if (canWrite(above)) return fine("base_dir", `${baseDir} does not exist yet: the first run makes it`);
  const todo = "Make it by hand, or set team_mode.base_dir to another place.";
  return error("base_dir", `${baseDir} does not exist, and ${above} may not be written to`, todo);
}

function nearestFolder(path: string): string {
  const up = dirname(path);
  return path === up || orNothing(() => statSync(path)) ? path : nearestFolder(up);
}

function checkAccess(baseDir: string, { uid, mode }: Stats): Finding {
  const self = process.getuid?.();
  if (self !== undefined && uid !== self) {
    const text = `${baseDir} belongs to user ${uid}, and you are user ${self}`;
    return error(
      "base_dir",
      text,
      "Run OpenCode as that user, or set team_mode.base_dir to a folder of yours.",
    );
  }
  if (!canWrite(baseDir)) {
    return error("base_dir", `${baseDir} may not be written to`, `chmod 700 ${quoted(baseDir)}`);
  }
  return fine("base_dir", process.platform === "win32" ? baseDir : `${baseDir}, mode ${octal(mode)}`);
}

function canWrite(folder: string): boolean {
  return (
    orNothing(() => {
      accessSync(folder, constants.W_OK | constants.X_OK);
      return lstatSync(folder) !== undefined;
    }) ?? false
  );
}

/** Runs hold what was said in sessions: folders are 0700 and files 0600, whatever the umask. */
function checkModes(baseDir: string, stats: Stats, below: readonly Entry[]): readonly Finding[] {
  if (process.platform === "win32") return [];
  const entries = [{ path: baseDir, name: baseDir, stats }, ...below];
  return entries
    .filter((entry) => !entry.stats.isSymbolicLink() && (entry.stats.mode & 0o077) !== 0)
    .flatMap(({ path, stats: { mode } }, index, all) => {
      if (index < SHOWN) {
        const text = `${path} is open to others: mode ${octal(mode)}`;
        return [warning("base_dir", text, `chmod go-rwx ${quoted(path)}`)];
      }
      if (index > SHOWN) return [];
      const text = `${all.length - SHOWN} more below ${baseDir} are open to others`;
      return [warning("base_dir", text, `chmod -R go-rwx ${quoted(baseDir)}`)];
    });
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}

function checkClosed({ closed }: Tree): readonly Finding[] {
  return closed.map((path) =>
    error("base_dir", `${path} cannot be looked into`, `chmod u+rwx ${quoted(path)}, or ask its owner.`),
  );
}

/** Not a member's inbox, which may well have that name. */
const SET_ASIDE = /(?<![/\\]inboxes)[/\\]unreadable[/\\][^/\\]+(?<!\.reason\.json)$/;

/** Records that made no sense to OpenCode lie in a folder of that name, each with its reason beside it. */
function checkSetAside(entries: readonly Entry[]): readonly Finding[] {
  return entries
    .filter(({ path, stats }) => stats.isFile() && SET_ASIDE.test(path))
    .map(({ path }) => {
      const [, reason] = /"reason":"((?:[^"\\]|\\.)*)"/.exec(textOf(`${path}.reason.json`) ?? "") ?? [];
      const why = reason === undefined ? "" : `: ${reason}`;
      const todo = "Look at it, then delete it with the reason beside it; nothing reads it any more.";
      return warning("runs", `${path} could not be read and was set aside${why}`, todo);
    });
}

/** A living process has a lock for milliseconds; a dead one's is taken over by whoever needs it next. */
async function checkLocks(world: World, entries: readonly Entry[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { path, name, stats } of entries) {
    const text = name === ".lock" && stats.isFile() ? textOf(path) : undefined;
    if (text === undefined) continue;
    const claim = await world.readClaim(text);
    const since = claim?.takenAt ?? stats.mtimeMs;
    if (claim?.alive === true) {
      if (world.now - since < LOCK_HANGS_MS) continue;
      const said = `process ${claim.pid} has held the lock ${path} for ${world.age(since)}: it hangs`;
      findings.push(error("runs", said, `End that process: kill ${claim.pid}`));
      continue;
    }
    const holder = claim ? `process ${claim.pid}, which is gone` : "somebody who cannot be told";
    const said = `stale lock ${path}, ${world.age(since)} old, left by ${holder}`;
    findings.push(
      warning("runs", said, "The next OpenCode that opens the run takes it over; or call flotilla gc."),
    );
  }
  return findings;
}
