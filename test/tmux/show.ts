import { labelOf, nextAct, type PanePlan } from "../../src/core/pane-plan.ts";
import type { MemberStatus } from "../../src/core/run.ts";
import type { MemberView, Panes } from "../../src/ports.ts";
import { openPanes } from "../../src/tmux/panes.ts";
import type { Tmux } from "../support/tmux.ts";

/** The members of a run as a test wants them shown, on a real tmux. */
export interface Show {
  readonly panes: Panes;
  /** Does one act after another until nothing is left; answers what could not be done. */
  settle(members: readonly string[], status?: MemberStatus): Promise<PanePlan["without"]>;
  /** The panes of members: name, size and title. */
  shown(): readonly ShownPane[];
  paneOf(member: string): string;
}

export interface ShownPane {
  readonly paneId: string;
  readonly windowId: string;
  readonly member: string;
  readonly width: number;
  readonly height: number;
  readonly title: string;
}

export interface ShowOptions {
  readonly runId?: string;
  readonly server?: string;
  readonly home?: string;
  readonly view?: Partial<MemberView>;
  /** Where `tmux` is looked for. */
  readonly path?: string;
}

/** What a pane of a test runs, where nothing else is said. */
const COMMAND = ["sh", "-c", "echo here is the view; exec sleep 3600"];

export function show(term: Tmux, options: ShowOptions = {}): Show {
  const { runId = "run_1", server = "show_1", home = "%0", view = {}, path = process.env["PATH"] } = options;
  const panes = openPanes({ PATH: path, ...term.env(home) });
  const fitted = new Map<string, string>();

  const shown = (): readonly ShownPane[] =>
    term
      .lines(
        ...["list-panes", "-a", "-f", `#{==:#{@flotilla_run},${runId}}`, "-F"],
        "#{pane_id} #{window_id} #{@flotilla_member} #{pane_width} #{pane_height} #{pane_title}",
      )
      .map((line) => {
        const [paneId = "", windowId = "", member = "", width, height, ...title] = line.split(" ");
        return {
          paneId,
          windowId,
          member,
          width: Number(width),
          height: Number(height),
          title: title.join(" "),
        };
      });

  return {
    panes,
    shown,
    paneOf(member) {
      const found = shown().find((one) => one.member === member);
      if (!found) throw new Error(`there is no pane of ${member}`);
      return found.paneId;
    },
    async settle(members, status = "working") {
      const wanted = members.map((member) => ({
        member,
        sessionId: `ses_${member}`,
        directory: "/",
        label: labelOf(member, status),
      }));
      // Far more than it takes: what is not done by then never is.
      for (let acts = 0; acts < 100; acts += 1) {
        const { act, without } = nextAct(await panes.look(), { runId, server, home, wanted, fitted });
        if (!act) return without;
        if (act.kind === "open") {
          const { member, sessionId } = act.wanted;
          await panes.open(act, {
            mark: { runId, member, sessionId, server },
            owner: process.pid,
            windowName: "crew",
            command: COMMAND,
            environment: {},
            ...view,
          });
        } else await panes.perform(act);
        if (act.kind === "fit") fitted.set(act.windowId, act.fitted);
      }
      throw new Error("it does not come to rest");
    },
  };
}
