import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Bench, openBench } from "../support/bench.ts";
import { eventually } from "../support/eventually.ts";
import { OPENCODE } from "../support/host-ground.ts";
import { call, type Reply, say } from "../support/model-replies.ts";
import type { ModelRequest } from "../support/model-request.ts";
import { SHELLS, startTmux, type Tmux } from "../support/tmux.ts";

/** Each view is a program of its own that starts while others work: seconds, on a machine that is busy a minute. */
const PATIENCE = { timeoutMs: 60_000 };
const TEST_TIMEOUT_MS = 180_000;

/** Where a person works. */
const DIRECTORY = "a dir";

const MEMBERS = ["ada", "bo"];

/** What the models do, told by what they were asked last. */
function played({ kind, lastUserText, messages }: ModelRequest): Reply | undefined {
  if (kind !== "turn") return undefined;
  if (lastUserText.includes("Form a team")) {
    const members = MEMBERS.map((name) => ({ name, subagent_type: "general", prompt: "Wait for mail." }));
    return messages.at(-1)?.role === "user"
      ? call("team_create", { inline_spec: { name: "crew", members } })
      : say("The crew is there.");
  }
  const member = MEMBERS.find((name) => lastUserText.includes(`You are ${name}`));
  if (member !== undefined) return say(`This is what ${member} says.`);
  if (lastUserText.includes("From a pane")) return say("Heard from a pane.");
  return say("");
}

/** Each without the settings of whoever runs the suite. */
const QUIETLY = {
  bash: ["bash", "--norc"],
  fish: ["fish", "--no-config"],
  zsh: ["zsh", "-f"],
} as const;

interface Desk {
  readonly bench: Bench;
  readonly term: Tmux;
  /** What the person saw before OpenCode was started. */
  readonly before: string;
}

/** A person who has started OpenCode in a shell inside tmux and asked it for a team. */
async function withTeam(
  shell: keyof typeof QUIETLY,
  size: { readonly width: number; readonly height: number },
  options: readonly string[],
  work: (desk: Desk) => Promise<void>,
): Promise<void> {
  await using bench = await openBench({
    serve: false,
    teamMode: { enabled: true, tmux_visualization: true },
    files: { [`${DIRECTORY}/note.txt`]: "A note.\n" },
  });
  const { host, model } = bench;
  model.script(played);
  using term = startTmux({
    ...size,
    env: host.ground.env,
    directory: join(host.work, DIRECTORY),
    command: SHELLS.includes(shell) ? QUIETLY[shell] : QUIETLY.bash,
    // The name of a window follows what runs in it, and the shell's is told a moment late.
    config: ["set-option -g automatic-rename off"],
  });
  const before = term.arrangement();
  term.type("%0", [`'${OPENCODE}'`, ...options].join(" "));
  term.press("%0", "Enter");
  await term.shows("%0", "Ask anything");
  term.type("%0", "Form a team.");
  await term.shows("%0", "Form a team.");
  term.press("%0", "Enter");
  await eventually(() => expect(titles(term)).toEqual(MEMBERS.map((name) => `${name}: waiting`)), PATIENCE);
  await work({ bench, term, before });
}

function titles(term: Tmux): readonly string[] {
  return term.lines("list-panes", "-a", "-f", "#{@flotilla_run}", "-F", "#{pane_title}").toSorted();
}

function paneOf(term: Tmux, member: string): string {
  const [pane] = term.lines(
    "list-panes",
    "-a",
    "-f",
    `#{==:#{@flotilla_member},${member}}`,
    "-F",
    "#{pane_id}",
  );
  if (pane === undefined) throw new Error(`${member} has no pane`);
  return pane;
}

describe("in a terminal UI inside tmux", () => {
  test(
    "that listens nowhere, panes show members live and take what is typed, and leaving it puts all back: zsh, a path with a space",
    async () => {
      await withTeam("zsh", { width: 200, height: 50 }, [], async ({ term, before }) => {
        expect(term.value("%0", "#{pane_width}")).toBe("60");
        const ada = paneOf(term, "ada");
        await term.shows(ada, "This is what ada says.");
        await term.shows(paneOf(term, "bo"), "This is what bo says.");
        // A member's session has no prompt box in this host; its parent's is one key away, and is the lead's.
        term.press(ada, "Up");
        await term.shows(ada, "Build · M mock");
        term.type(ada, "From a pane.");
        await term.shows(ada, "From a pane.");
        term.press(ada, "Enter");
        await term.shows(ada, "Heard from a pane.");
        await term.shows("%0", "Heard from a pane.");
        term.press("%0", "C-c");
        await eventually(
          () => expect(withoutTitles(term.arrangement())).toBe(withoutTitles(before)),
          PATIENCE,
        );
        term.type("%0", "echo back in $0");
        term.press("%0", "Enter");
        await term.shows("%0", /^back in (zsh|bash)/m);
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "that listens, members have windows of their own where the person's is small, and are gone after kill -9: fish, 80 by 24",
    async () => {
      const size = { width: 80, height: 24 };
      await withTeam("fish", size, ["--port", "0"], async ({ term, before }) => {
        for (const member of MEMBERS) {
          await term.shows(paneOf(term, member), `This is what ${member} says.`);
          expect(term.value(paneOf(term, member), "#{window_name} #{pane_width}")).toBe("crew 80");
        }
        expect(term.value("%0", "#{window_active} #{window_panes} #{pane_width}x#{pane_height}")).toBe(
          "1 1 80x24",
        );
        const shell = term.value("%0", "#{pane_pid}");
        const [opencode] = await Bun.file(`/proc/${shell}/task/${shell}/children`)
          .text()
          .then((children) => children.trim().split(" "));
        process.kill(Number(opencode), "SIGKILL");
        await eventually(
          () => expect(withoutTitles(term.arrangement())).toBe(withoutTitles(before)),
          PATIENCE,
        );
      });
    },
    TEST_TIMEOUT_MS,
  );
});

/** OpenCode leaves a title behind in its own pane, or none. */
function withoutTitles(arrangement: string): string {
  return arrangement.replace(/^(@\d+ %\d+ \d+ \S+ \d \d \d+) .*$/gm, "$1");
}
