import { describe, expect, test } from "bun:test";
import { PaneStage } from "../../src/app/pane-stage.ts";
import type { Terminal } from "../../src/app/world.ts";
import type { MemberStatus } from "../../src/core/run.ts";
import type { ParticipantSurvey, RunSurvey } from "../../src/core/survey.ts";
import { FlotillaError } from "../../src/errors.ts";
import type { Panes } from "../../src/ports.ts";
import { openPanes } from "../../src/tmux/panes.ts";
import { participantSurvey, runSurvey } from "../contract/status-board.ts";
import { silentHost } from "../support/silent-host.ts";
import { startTmux, type Tmux } from "../support/tmux.ts";

/** A member by its name, with a session; or one that is otherwise. */
type Shown =
  | string
  | { readonly name: string; readonly status?: MemberStatus; readonly sessionId?: undefined };

interface Desk {
  readonly desk: { now: number; gangways: number; readonly toasts: string[] };
  shows(...members: readonly Shown[]): Promise<readonly (string | undefined)[]>;
  leave(): void;
  clear(): Promise<void>;
}

/** A stage on a real tmux; its views are nothing, and its way into the host is a count. */
function stageIn(term: Tmux, change: (panes: Panes) => Panes = (panes) => panes): Desk {
  const desk = { now: 0, gangways: 0, toasts: [] as string[] };
  const terminal: Terminal = {
    panes: change(openPanes({ PATH: process.env["PATH"], ...term.env() })),
    isWanted: () => true,
    async openGangway() {
      desk.gangways += 1;
      return {
        command: () => ["sleep", "3600"],
        environment: {},
        async close() {
          desk.gangways -= 1;
        },
      };
    },
    pid: process.pid,
  };
  const host = {
    ...silentHost,
    async toast(_directory: string, _level: string, text: string) {
      desk.toasts.push(text);
    },
  };
  const clock = { now: () => desk.now, after: () => () => undefined };
  const stage = new PaneStage({ clock, host }, terminal, "show_1", survey([]));
  return {
    desk,
    /** Arranges for these members, and answers what is said of each. */
    async shows(...members: readonly Shown[]): Promise<readonly (string | undefined)[]> {
      stage.survey = survey(members);
      await stage.arrange();
      return members.map((member) => {
        const name = typeof member === "string" ? member : member.name;
        return stage.report(name, `ses_${name}`);
      });
    },
    leave: () => stage.leave(),
    clear: () => stage.clear(),
  };
}

function survey(members: readonly Shown[]): RunSurvey {
  return runSurvey({
    members: members.map((member) => {
      if (typeof member === "string") return participantSurvey(member, { sessionId: `ses_${member}` });
      const { name, status = "waiting", ...over } = member;
      return {
        ...participantSurvey(name, { sessionId: `ses_${name}`, status }),
        ...over,
      } as ParticipantSurvey;
    }),
  });
}

const DESK = { width: 200, height: 50 };

function refused(message = "tmux says: no space for new pane"): FlotillaError {
  return new FlotillaError({ code: "pane_failed", message, hint: "" });
}

describe("the panes of a run", () => {
  test("are shown for sessions that there are, of members that have not ended", async () => {
    using term = startTmux(DESK);
    const { shows } = stageIn(term);
    const ended = (["failed", "lost", "done"] as const).map((status) => ({ name: status, status }));
    expect(await shows("ada", { name: "bo", sessionId: undefined }, ...ended, "cy")).toEqual([
      "%1",
      ...[undefined, undefined, undefined, undefined],
      "%2",
    ]);
  });

  test("have a way into the host from the first pane to the last", async () => {
    using term = startTmux(DESK);
    const { desk, shows, clear } = stageIn(term);
    await shows();
    expect(desk.gangways).toBe(0);
    await shows("ada", "bo");
    expect(desk.gangways).toBe(1);
    await shows();
    expect(desk.gangways).toBe(0);
    await shows("cy");
    await clear();
    expect([desk.gangways, term.lines("list-panes", "-a").length]).toEqual([0, 1]);
  });

  test("stay closed when a person closes them, and the others stay", async () => {
    using term = startTmux(DESK);
    const { desk, shows } = stageIn(term);
    await shows("ada", "bo");
    term.run("kill-pane", "-t", "%1");
    expect(await shows("ada", "bo")).toEqual(["none: it was closed by the person", "%2"]);
    term.run("kill-pane", "-t", "%2");
    await shows("ada", "bo");
    expect([desk.gangways, desk.toasts]).toEqual([0, []]);
  });

  test("are opened once, though they end by themselves before they are seen", async () => {
    using term = startTmux(DESK);
    let opened = 0;
    const { desk, shows } = stageIn(term, (panes) => ({
      ...panes,
      async open(act, view) {
        opened += 1;
        await panes.open(act, view);
        if (act.wanted.member === "ada") term.run("kill-pane", "-t", "%1");
      },
    }));
    const gone = "none: it was gone as soon as it was open";
    expect(await shows("ada", "bo")).toEqual([gone, "%2"]);
    desk.now += 60_000;
    expect(await shows("ada", "bo")).toEqual([gone, "%2"]);
    expect(opened).toBe(2);
  });

  test("keep their way into the host, and are nobody's doing, where tmux answers too late", async () => {
    using term = startTmux({ width: 300, height: 50 });
    let isLate = false;
    const late = (): Promise<never> => Promise.reject(refused("tmux did not answer within 3 s"));
    const { desk, shows } = stageIn(term, (panes) => ({
      ...panes,
      look: () => (isLate ? late() : panes.look()),
      async open(act, view) {
        await panes.open(act, view);
        isLate = act.wanted.member === "ada";
      },
      async perform(act) {
        await panes.perform(act);
        if (act.kind === "close") await late();
      },
    }));
    expect(await shows("ada")).toEqual(["none: tmux did not answer within 3 s"]);
    expect(desk.gangways).toBe(1);
    isLate = false;
    expect(await shows("ada", "bo")).toEqual(["%1", "%2"]);
    // With room for no member beside the lead, both are opened elsewhere.
    term.run("resize-window", "-t", "@0", "-x", "100", "-y", "50");
    await shows("ada", "bo");
    expect(await shows("bo")).toEqual(["%3"]);
  });

  test("are opened no more once nothing is to be shown", async () => {
    using term = startTmux(DESK);
    const { shows, leave, clear } = stageIn(term, (panes) => ({
      ...panes,
      async open(act, view) {
        await panes.open(act, view);
        leave();
      },
    }));
    await shows("ada", "bo");
    expect(term.lines("list-panes", "-a", "-F", "#{pane_id}#{@flotilla_member}")).toEqual(["%0", "%1ada"]);
    await clear();
    expect(term.lines("list-panes", "-a")).toHaveLength(1);
  });

  test("are missed once in words where the window is too small, and come when it is larger", async () => {
    using term = startTmux({ width: 79, height: 24 });
    const { desk, shows } = stageIn(term);
    const reason = "the window is too small (79x24): 80x16 is the least for a pane and its title";
    expect(await shows("ada", "bo")).toEqual([`none: ${reason}`, `none: ${reason}`]);
    await shows("ada", "bo");
    expect(desk.toasts).toEqual([`No pane for members of explorers: ${reason}.`]);
    expect(desk.gangways).toBe(0);
    term.run("resize-window", "-t", "@0", "-x", "200", "-y", "50");
    expect(await shows("ada", "bo")).toEqual(["%1", "%2"]);
  });

  test("are tried again a while after tmux refused one, which the others do not wait for", async () => {
    using term = startTmux(DESK);
    let refusals = 0;
    const { desk, shows } = stageIn(term, (panes) => ({
      ...panes,
      async open(act, view) {
        if (act.wanted.member !== "ada" || refusals === 2) return panes.open(act, view);
        refusals += 1;
        throw refused();
      },
    }));
    const reason = "none: tmux says: no space for new pane";
    expect(await shows("ada", "bo")).toEqual([reason, "%1"]);
    desk.now += 14_000;
    expect(await shows("ada", "bo")).toEqual([reason, "%1"]);
    expect(refusals).toBe(1);
    desk.now += 1_000;
    expect(await shows("ada", "bo")).toEqual([reason, "%1"]);
    desk.now += 15_000;
    expect(await shows("ada", "bo")).toEqual(["%2", "%1"]);
    expect(desk.toasts).toHaveLength(1);
  });

  test("that another process shows of the same run are not closed with ours", async () => {
    using term = startTmux(DESK);
    const { shows, clear } = stageIn(term);
    await shows("ada", "bo");
    term.run("set-option", "-p", "-t", "%2", "@flotilla_server", "show_2");
    await clear();
    expect(term.lines("list-panes", "-a", "-F", "#{pane_id}")).toEqual(["%0", "%2"]);
  });
});
