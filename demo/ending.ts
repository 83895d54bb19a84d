import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { PROJECT_ROOT } from "../test/support/host-ground.ts";
import type { RunOnDisk } from "./facts.ts";
import type { Promised } from "./promises.ts";
import type { Stage } from "./stage.ts";
import { brief, type Terminal } from "./terminal.ts";

/** What is left when the team is gone: the run on disk, the files it wrote, the figures. */
export function printEnding(
  terminal: Terminal,
  stage: Stage,
  run: RunOnDisk | undefined,
  seconds: number,
): void {
  if (run) {
    title(terminal, "The run on disk", run.folder.replace(`${stage.folder}/`, ""));
    for (const row of [...runRows(run), modes(run.folder)]) terminal.print(`  ${row}`);
  }
  const files = written(stage);
  title(terminal, "What the team wrote", "git diff");
  for (const row of files.length > 0 ? files : ["nothing"]) terminal.print(`  ${row}`);
  title(terminal, "Totals");
  for (const row of totals(stage, run, seconds)) terminal.print(`  ${row}`);
}

const WIDEST_PROMISE = 53;

export function printPromises(terminal: Terminal, promises: readonly Promised[]): void {
  title(terminal, "What was to be seen");
  for (const { what, seen, evidence } of promises) {
    const mark = terminal.paint(seen ? "green" : "red", seen ? "✔" : "✘");
    const figures = brief(evidence, Math.max(20, terminal.width - WIDEST_PROMISE - 6));
    terminal.print(`  ${mark} ${what.padEnd(WIDEST_PROMISE)}  ${terminal.paint("dim", figures)}`);
  }
}

export function printWhereNext(terminal: Terminal): void {
  title(terminal, "Where to look next");
  for (const row of [
    "README.md               what it is and how to install it",
    "docs/                   how it works, what it promises, what it costs",
    "npm run demo -- --keep  keeps the repository, the run's files and the host's log",
    "npm run demo -- --model provider/model   the same with your own provider",
    "",
    "In your own opencode.jsonc (it is off until you say so):",
    `  "plugin": [${JSON.stringify(PROJECT_ROOT)}],`,
    `  "team_mode": { "enabled": true }`,
    "Then ask OpenCode for a team in plain words.",
    ...(existsSync(COMMAND)
      ? [
          "In another terminal, `npx flotilla status --watch` shows it at work, `npx flotilla why` says",
          "who waits for what, and `npx flotilla trace` what took how long, tokens and cost.",
        ]
      : []),
  ]) {
    terminal.print(`  ${row}`.trimEnd());
  }
}

const COMMAND = join(PROJECT_ROOT, "dist", "cli", "main.js");

export function title(terminal: Terminal, text: string, aside = ""): void {
  terminal.print("");
  terminal.print(`${terminal.paint("bold", text)}${aside === "" ? "" : terminal.paint("dim", `  ${aside}`)}`);
}

/** One row a file or an inbox; read from the folder, not from what was followed. */
function runRows({ folder, state, tasks }: RunOnDisk): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith("."))
    .toSorted(
      (one, other) =>
        Number(one.isDirectory()) - Number(other.isDirectory()) || compare(one.name, other.name),
    )
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (!entry.isDirectory())
        return [`${entry.name.padEnd(22)}${aboutFile(entry.name, path, state)}`.trimEnd()];
      if (entry.name === "inboxes")
        return readdirSync(path)
          .toSorted()
          .map((who) => inboxRow(path, who));
      const names = readdirSync(path)
        .filter((name) => !name.startsWith("."))
        .toSorted();
      const about =
        entry.name === "tasks"
          ? [...tasks.values()]
              .toSorted((one, other) => one.taskId - other.taskId)
              .map(({ taskId, status, owner }) => `#${taskId} ${status} (${owner ?? "nobody"})`)
          : names;
      return names.length === 0 ? [] : [`${`${entry.name}/`.padEnd(22)}${about.join(", ")}`];
    });
}

/** Mail is private: what modes there are, of folders and of files. */
function modes(folder: string): string {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const of = (isWanted: (entry: (typeof entries)[number]) => boolean): string => {
    const found = entries
      .filter(isWanted)
      .map((entry) => (statSync(join(entry.parentPath, entry.name)).mode & 0o777).toString(8));
    return [...new Set(found)].toSorted().join(", ");
  };
  const folders = of((entry) => entry.isDirectory());
  return `${"modes".padEnd(22)}folders ${folders}, files ${of((entry) => entry.isFile())}`;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : 1;
}

function aboutFile(name: string, path: string, state: RunOnDisk["state"]): string {
  if (name === "journal.jsonl") return `${lineCount(path)} lines`;
  return name === "state.json" && state ? `${state.status}, revision ${state.revision}` : "";
}

function lineCount(path: string): number {
  return readFileSync(path, "utf8").split("\n").length - 1;
}

function inboxRow(inboxes: string, who: string): string {
  const files = (folder: string): number =>
    readdirSync(join(inboxes, who), { recursive: true, withFileTypes: true }).filter(
      (entry) =>
        entry.isFile() &&
        entry.name.endsWith(".json") &&
        !entry.name.startsWith(".batch-") &&
        relative(join(inboxes, who), entry.parentPath) === folder,
    ).length;
  const counts = [
    [files("processed"), "processed"],
    [files(""), "unread"],
    [files("dead"), "dead"],
  ] as const;
  const shown = counts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return `${`inboxes/${who}/`.padEnd(22)}${shown.join(", ")}`;
}

function written({ host }: Stage): readonly string[] {
  const git = (...args: readonly string[]): string =>
    spawnSync("git", args, { cwd: host.work, encoding: "utf8", env: { ...host.ground.env } }).stdout;
  // New files show in a diff once git has been told that they are meant to be there.
  git("add", "--intent-to-add", "--all");
  return git("diff", "--stat=76")
    .trimEnd()
    .split("\n")
    .map((row) => row.trim())
    .filter((row) => row !== "");
}

function totals({ script }: Stage, run: RunOnDisk | undefined, seconds: number): readonly string[] {
  const members = Object.values(run?.state?.members ?? {});
  const turns = members.reduce((sum, { usage }) => sum + usage.turns, 0);
  const mail = [...(run?.messages.values() ?? [])].flat();
  const done = [...(run?.tasks.values() ?? [])].filter(({ status }) => status === "completed").length;
  return [
    `${seconds.toFixed(1)} s   ${members.length} members   ${turns} turns of members   ${done} tasks done   ${mail.length} messages`,
    ...(script === undefined ? [] : [`${script.requests.length} requests to the scripted model`]),
    ...latencies(script, mail),
  ];
}

/** From the file in the inbox to the request in which the reader's model got it. */
function latencies(
  script: Stage["script"],
  mail: readonly { messageId: string; to: string; createdAt: number }[],
): readonly string[] {
  const waits = mail
    .flatMap(({ messageId, createdAt, to }) => {
      const request = script
        ?.requestsOf(to)
        .find((one) => one.messages.some(({ text }) => text.includes(` messageId="${messageId}"`)));
      return request ? [request.receivedAt - createdAt] : [];
    })
    .toSorted((one, other) => one - other);
  const median = waits[Math.floor(waits.length / 2)];
  return median === undefined
    ? []
    : [
        `mail: in front of its reader's model after ${median} ms (median of ${waits.length}), ${waits.at(-1)} ms at most`,
      ];
}

/** A path as its user would write it. */
export function forPeople(path: string): string {
  return brief(path.replace(homedir(), "~"), 200);
}
