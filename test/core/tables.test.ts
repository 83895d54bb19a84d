import { describe, expect, test } from "bun:test";
import { DELIVERY_COMMANDS, DELIVERY_PHASES, deliveryTable } from "../../src/core/delivery.ts";
import {
  MEMBER_COMMANDS,
  MEMBER_STATUSES,
  memberTable,
  RUN_COMMANDS,
  RUN_STATUSES,
  runTable,
  SHUTDOWN_COMMANDS,
  SHUTDOWN_STATUSES,
  shutdownTable,
} from "../../src/core/run.ts";
import { REFUSE, STAY, step, type Table } from "../../src/core/table.ts";
import { TASK_COMMANDS, TASK_STATUSES, taskTable } from "../../src/core/task.ts";

/**
 * Each machine once more, written for the eye: the first line names the commands, each further line a state and what becomes
 * of it. `.` stays, `x` refuses. A cell that changes in the source turns its test red, and is changed here on purpose.
 */
function read(drawing: string): Record<string, Record<string, string>> {
  const lines = drawing.trim().split("\n");
  const commands = words(lines[0] ?? "");
  return Object.fromEntries(
    lines.slice(1).map((line) => {
      const [state = "", ...cells] = words(line);
      expect(cells).toHaveLength(commands.length);
      return [state, Object.fromEntries(commands.map((command, at) => [command, meaning(cells[at] ?? "")]))];
    }),
  );
}

function words(line: string): string[] {
  return line.trim().split(/\s+/);
}

function meaning(cell: string): string {
  if (cell === ".") return STAY;
  return cell === "x" ? REFUSE : cell;
}

function promise<S extends string, C extends string>(
  name: string,
  table: Table<S, C>,
  states: readonly S[],
  commands: readonly C[],
  drawing: string,
): void {
  describe(`the ${name} table`, () => {
    const golden = read(drawing);

    test("says exactly what is drawn here", () => {
      expect(table as unknown).toEqual(golden);
    });

    test("has a cell for every state and command, and no others", () => {
      expect(Object.keys(table).toSorted()).toEqual([...states].toSorted());
      for (const state of states) {
        expect(Object.keys(table[state]).toSorted()).toEqual([...commands].toSorted());
      }
    });

    test("leads from every state by every command to a known state, or says why not", () => {
      for (const state of states) {
        for (const command of commands) {
          const next = step(table, state, command);
          expect(states).toContain(next.state);
          if (next.outcome !== "moved") expect(next.state).toBe(state);
        }
      }
    });
  });
}

promise(
  "run",
  runTable,
  RUN_STATUSES,
  RUN_COMMANDS,
  `
            activate  fail    orphan    adopt   close    finish
  creating  active    failed  .         .       closing  x
  active    .         x       orphaned  .       closing  x
  orphaned  .         x       .         active  closing  x
  closing   .         x       .         .       .        closed
  closed    x         .       .         .       .        .
  failed    x         .       .         .       .        .
  `,
);

promise(
  "member",
  memberTable,
  MEMBER_STATUSES,
  MEMBER_COMMANDS,
  `
                  open     fail    start_turn  open_gate       close_gates  end_turn  interrupt    lose  retire  respawn
  starting        waiting  failed  .           .               .            .         .            lost  done    x
  waiting         .        .       working     needs_approval  .            .         .            lost  done    x
  working         .        .       .           needs_approval  .            waiting   interrupted  lost  done    x
  needs_approval  .        .       .           .               working      waiting   interrupted  lost  done    x
  interrupted     .        .       working     needs_approval  .            .         .            lost  done    x
  failed          .        .       .           .               .            .         .            .     done    starting
  lost            .        .       .           .               .            .         .            .     done    starting
  done            .        .       .           .               .            .         .            .     .       starting
  `,
);

promise(
  "shutdown",
  shutdownTable,
  SHUTDOWN_STATUSES,
  SHUTDOWN_COMMANDS,
  `
             request    approve   reject  settle
  none       requested  x         x       .
  requested  .          approved  none    .
  approved   .          .         x       complete
  complete   .          .         x       .
  `,
);

promise(
  "delivery",
  deliveryTable,
  DELIVERY_PHASES,
  DELIVERY_COMMANDS,
  `
             accept  see     witness    answer    settle  confirm  lose      compact   remove    abandon   give_up
  reserved   posted  stored  witnessed  .         .       acked    .         reserved  returned  returned  dead
  posted     .       stored  witnessed  .         .       acked    reserved  reserved  returned  returned  dead
  stored     .       .       witnessed  .         .       acked    reserved  reserved  returned  returned  dead
  witnessed  .       .       .          answered  .       acked    reserved  reserved  returned  returned  dead
  answered   .       .       .          .         acked   acked    reserved  .         returned  acked     x
  acked      .       .       .          .         .       .        .         .         .         .         .
  returned   .       .       .          .         .       .        .         .         .         .         .
  dead       .       .       .          .         .       .        .         .         .         .         .
  `,
);

promise(
  "task",
  taskTable,
  TASK_STATUSES,
  TASK_COMMANDS,
  `
               claim    start        complete   release  delete
  pending      claimed  in_progress  x          .        deleted
  claimed      .        in_progress  completed  pending  deleted
  in_progress  x        .            completed  pending  deleted
  completed    x        x            .          x        deleted
  deleted      x        x            x          x        .
  `,
);

describe("the machines", () => {
  const reached = <S extends string, C extends string>(
    table: Table<S, C>,
    commands: readonly C[],
    start: S,
  ): S[] => {
    const seen = new Set<S>([start]);
    for (const state of seen) for (const command of commands) seen.add(step(table, state, command).state);
    return [...seen].toSorted();
  };

  test("reach every state of theirs from the first one", () => {
    expect(reached(runTable, RUN_COMMANDS, "creating")).toEqual([...RUN_STATUSES].toSorted());
    expect(reached(memberTable, MEMBER_COMMANDS, "starting")).toEqual([...MEMBER_STATUSES].toSorted());
    expect(reached(shutdownTable, SHUTDOWN_COMMANDS, "none")).toEqual([...SHUTDOWN_STATUSES].toSorted());
    expect(reached(deliveryTable, DELIVERY_COMMANDS, "reserved")).toEqual([...DELIVERY_PHASES].toSorted());
    expect(reached(taskTable, TASK_COMMANDS, "pending")).toEqual([...TASK_STATUSES].toSorted());
  });

  test("keep a run that is closed or failed as it is, and a delivery that is over as well", () => {
    expect(reached(runTable, RUN_COMMANDS, "closed")).toEqual(["closed"]);
    expect(reached(runTable, RUN_COMMANDS, "failed")).toEqual(["failed"]);
    for (const phase of ["acked", "returned", "dead"] as const) {
      expect(reached(deliveryTable, DELIVERY_COMMANDS, phase)).toEqual([phase]);
    }
  });

  test("count a cell that names its own row as a move: the command had its effect", () => {
    expect(step(deliveryTable, "reserved", "compact")).toEqual({ outcome: "moved", state: "reserved" });
    expect(step(deliveryTable, "acked", "lose")).toEqual({ outcome: "stayed", state: "acked" });
    expect(step(runTable, "active", "fail")).toEqual({ outcome: "refused", state: "active" });
  });
});
