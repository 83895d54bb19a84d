import { randomUUID } from "node:crypto";
import type { Panes } from "../ports.ts";
import { LOOK, readWindows } from "./look.ts";
import { ANOTHER_SERVER, inServer, marking, opening, scriptOf, unmaking } from "./script.ts";
import { type Environment, paneFailed, tmuxAt } from "./tmux.ts";

/**
 * The tmux in which this process was started. Where that is, the environment says: `TMUX` holds socket, pid of the server and
 * session, `TMUX_PANE` the pane. A server that was restarted has the same socket, and its panes the same ids; so every act is
 * bound to the server's pid, and one on a pane of ours to the mark that was seen on it.
 */
export function openPanes(env: Environment): Panes {
  const place = placeIn(env);
  if ("reason" in place) {
    const none = (): Promise<never> => Promise.reject(paneFailed(place.reason));
    return { home: place, look: none, perform: none, open: none };
  }
  const { socket, serverPid, paneId: home } = place;
  const tmux = tmuxAt(socket, env);

  async function run(script: string): Promise<readonly string[]> {
    const lines = await tmux.run(inServer(serverPid, script));
    if (lines.includes(ANOTHER_SERVER)) throw gone();
    return lines;
  }

  return {
    home: { paneId: home },
    async look() {
      const [pid, ...lines] = await tmux.ask(LOOK);
      if (pid !== serverPid) throw gone();
      return readWindows(lines);
    },
    async perform(act) {
      await run(scriptOf(act));
    },
    async open({ place: where, wanted }, view) {
      const [session = ""] = await run(`display-message -p -t ${home} '#{session_id}'`);
      const buffer = `flotilla-${randomUUID()}`;
      const handed = Object.entries(view.environment).map(([name, value]) => `${name}=${value}`);
      await tmux.load(buffer, handed.join("\n"));
      let paneId = "";
      let pid = "";
      try {
        const [made = ""] = await run(opening(where, home, { session, buffer }, view));
        let windowId = "";
        [paneId = "", pid = "", windowId = ""] = made.split(" ");
        if (!paneId.startsWith("%")) throw paneFailed("tmux made no pane and gave no reason");
        const ownWindow = where.kind === "new_window" ? windowId : undefined;
        await run(marking({ paneId, mark: view.mark }, wanted.label, ownWindow));
      } catch (cause) {
        await tmux.ask(["delete-buffer", "-b", buffer]).catch(() => undefined);
        // One without a mark would be nobody's. If it cannot be taken back either, it ends with this process.
        if (paneId !== "") await run(unmaking(paneId, pid)).catch(() => undefined);
        throw cause;
      }
    },
  };
}

interface Home {
  readonly socket: string;
  readonly serverPid: string;
  readonly paneId: string;
}

function placeIn({ TMUX, TMUX_PANE }: Environment): Home | { readonly reason: string } {
  if (!TMUX) return { reason: "OpenCode was not started inside tmux" };
  // A socket's path may hold a comma.
  const [, socket, serverPid] = /^(.+),(\d+),\d+$/.exec(TMUX) ?? [];
  if (socket === undefined || serverPid === undefined || !/^%\d+$/.test(TMUX_PANE ?? ""))
    return { reason: "tmux is not to be found: TMUX or TMUX_PANE has been changed" };
  return { socket, serverPid, paneId: TMUX_PANE ?? "" };
}

function gone(): ReturnType<typeof paneFailed> {
  return paneFailed("the tmux server in which OpenCode was started is gone", undefined, true);
}
