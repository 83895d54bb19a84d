import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deliveryTable } from "../../src/core/delivery.ts";
import { wakeTable } from "../../src/core/policy.ts";
import { memberTable, runTable, shutdownTable } from "../../src/core/run.ts";
import { REFUSE, STAY, type Table } from "../../src/core/table.ts";
import { taskTable } from "../../src/core/task.ts";
import type { Page } from "../generate.ts";
import { code, GENERATED, page, table } from "./markdown.ts";

interface Machine {
  readonly title: string;
  /** The file and the type above which its promise stands. */
  readonly file: string;
  readonly type: string;
  readonly table: Table<string, string>;
}

const MACHINES: readonly Machine[] = [
  { title: "Run", file: "run.ts", type: "RunStatus", table: runTable },
  { title: "Member", file: "run.ts", type: "MemberStatus", table: memberTable },
  { title: "Shutdown of a member", file: "run.ts", type: "ShutdownStatus", table: shutdownTable },
  { title: "Task", file: "task.ts", type: "TaskStatus", table: taskTable },
  {
    title: "Delivery of a batch of messages",
    file: "delivery.ts",
    type: "DeliveryPhase",
    table: deliveryTable,
  },
];

export const lifecyclePage: Page = {
  path: "docs/lifecycle.md",
  render: () =>
    page(
      GENERATED,
      "# Lifecycles",
      "Each machine is one total table in `src/core/`: a row is the present state, a column the command or fact, a cell the state that follows. `·` is known and without effect, since facts come twice and late; **refused** is answered with the reason.",
      ...MACHINES.flatMap(section),
      "## Who is woken by mail",
      commentAbove("policy.ts", "export const wakeTable:"),
      table(
        ["status", "mail"],
        Object.entries(wakeTable).map(([status, verdict]) => [
          `**${status}**`,
          verdict === "woken" ? "wakes it" : `waits: ${code(verdict)}`,
        ]),
      ),
    ),
};

function section(machine: Machine): readonly string[] {
  const states = Object.keys(machine.table);
  const commands = Object.keys(machine.table[states[0] ?? ""] ?? {});
  return [
    `## ${machine.title}`,
    promise(machine),
    table(
      ["", ...commands.map(code)],
      states.map((state) => [
        `**${state}**`,
        ...commands.map((command) => sayCell(machine.table[state]?.[command] ?? "")),
      ]),
    ),
  ];
}

function sayCell(cell: string): string {
  if (cell === STAY) return "·";
  return cell === REFUSE ? "**refused**" : cell;
}

function promise({ file, type }: Machine): string {
  return commentAbove(file, `export type ${type} =`);
}

/** The comment above a declaration, as Markdown: its indented diagram is a code block there, too. */
function commentAbove(file: string, declaration: string): string {
  const source = readFileSync(join(import.meta.dirname, "../../src/core", file), "utf8");
  const end = source.indexOf(declaration);
  const begin = source.lastIndexOf("/**", end);
  if (end === -1 || begin === -1 || source.slice(begin, end).split("*/").length !== 2) {
    throw new Error(`src/core/${file}: no comment right above "${declaration}"`);
  }
  return source
    .slice(begin + "/**".length, source.indexOf("*/", begin))
    .split("\n")
    .map((line) => line.replace(/^ \* ?/, "").trimEnd())
    .join("\n")
    .trim()
    .replace(/\{@link (\w+)\}/g, "`$1`");
}
