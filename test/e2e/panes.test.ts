import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { eventually } from "../support/eventually.ts";
import { OPENCODE } from "../support/host-ground.ts";
import { gate, once, say } from "../support/model-replies.ts";
import { environmentOf, processesOf } from "../support/processes.ts";
import { startTmux } from "../support/tmux.ts";
import { stage, type Team } from "./stage.ts";

/** Each view is a program of its own that starts while others work: seconds, on a machine that is busy a minute. */
const PATIENCE = { timeoutMs: 60_000 };
const TEST_TIMEOUT_MS = 180_000;

const PASSWORD = "of-the-person-4711";

// The host runs beside it and is told that it was started in `%0`: so it outlives the tmux that these tests kill.
const term = startTmux({ width: 200, height: 50 });
const play = stage({
  teamMode: { enabled: true, tmux_visualization: true },
  env: { ...term.env(), OPENCODE_SERVER_PASSWORD: PASSWORD },
});

beforeAll(() => {
  furnish();
  term.run("split-window", "-d", "-v", "-l", "5", "-t", "%0", "sleep", "3600");
});
afterAll(() => term[Symbol.dispose]());

/** The team of the test that is running. */
let team: Team;

// A test that fails leaves the next one nothing of its own.
afterEach(async () => {
  await team.lead.tries("team_delete", { force: true });
}, TEST_TIMEOUT_MS);

/** A person's terminal has the person's own home, and so has all that is started in it. */
function furnish(): void {
  for (const [name, value] of Object.entries(play.host.ground.env)) {
    if (name !== "OPENCODE_SERVER_PASSWORD") term.run("set-environment", "-g", name, value);
  }
}

/** Panes of members, one line each: id, name, and what it says. */
function panes(): readonly string[] {
  return term.lines(
    ...["list-panes", "-a", "-f", "#{@flotilla_run}", "-F"],
    "#{pane_id} #{@flotilla_member} (#{pane_title}, #{@flotilla_colour})",
  );
}

function paneOf(member: string): string {
  const [line] = panes().filter((one) => one.split(" ")[1] === member);
  if (line === undefined) throw new Error(`${member} has no pane, there are: ${panes().join("; ")}`);
  return line.split(" ")[0] ?? "";
}

/** What each pane says, by name. */
const says = (...lines: readonly string[]): Promise<void> =>
  eventually(() => expect(panes().map((line) => line.replace(/^%\d+ /, ""))).toEqual([...lines]), PATIENCE);

async function paneReports(): Promise<readonly unknown[]> {
  const status = await team.lead.uses("team_status");
  return (status["members"] as readonly { readonly pane?: string }[]).map(({ pane }) => pane);
}

function toasts(): readonly string[] {
  return play.host.events.flatMap(({ type, properties }) =>
    type === "tui.toast.show" ? [String((properties as { readonly message?: unknown }).message)] : [],
  );
}

describe("under opencode serve with a password", () => {
  test(
    "each member's session is seen live in a pane that says what the member does, until the member and the run end",
    async () => {
      const before = term.arrangement();
      const door = gate();
      team = await play.team(["ada", "bo", "cy"], {
        onBrief: { ada: [say("Ada has read it.")] },
      });
      await says("ada (ada: waiting, blue)", "bo (bo: waiting, blue)", "cy (cy: waiting, blue)");
      const ids = ["ada", "bo", "cy"].map(paneOf);
      expect(await paneReports()).toEqual(ids);
      await term.shows(paneOf("ada"), "Ada has read it.");

      team.member("bo").plays(once(door, say("And bo works.")));
      await team.lead.uses("team_send_message", { to: "bo", body: "Work, bo." });
      await says("ada (ada: waiting, blue)", "bo (bo: working, green)", "cy (cy: waiting, blue)");
      await term.shows(paneOf("bo"), "Work, bo.");
      door.open();
      await term.shows(paneOf("bo"), "And bo works.");
      await says("ada (ada: waiting, blue)", "bo (bo: waiting, blue)", "cy (cy: waiting, blue)");

      // The person's secret is none of theirs.
      for (const pid of await processesOf(play.host.ground.path)) {
        if (pid === play.host.pid) continue;
        expect(await environmentOf(pid)).not.toContain(PASSWORD);
      }

      const height = Number(term.value(paneOf("ada"), "#{pane_height}"));
      await team.lead.uses("team_shutdown_request", { targetMemberName: "bo" });
      await team.lead.uses("team_approve_shutdown", { memberName: "bo" });
      await says("ada (ada: waiting, blue)", "cy (cy: waiting, blue)");
      await eventually(() =>
        expect(Number(term.value(paneOf("ada"), "#{pane_height}"))).toBeGreaterThan(height),
      );

      const address =
        /http:\/\/127\.0\.0\.1:\d+/.exec(term.value(paneOf("ada"), "#{pane_start_command}"))?.[0] ?? "";
      expect((await fetch(`${address}/session`)).status).toBe(401);
      await team.lead.uses("team_delete", {});
      await eventually(() => expect(term.arrangement()).toBe(before), PATIENCE);
      await eventually(() => expect(fetch(address)).rejects.toThrow(), PATIENCE);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a pane that a person closes stays closed, one whose view dies says so and comes back with Enter, and both are told",
    async () => {
      team = await play.team(["ada", "bo"], { onBrief: { bo: [say("Bo has read it.")] } });
      await term.shows(await eventually(() => paneOf("bo"), PATIENCE), "Bo has read it.");
      const bo = paneOf("bo");
      term.run("kill-pane", "-t", paneOf("ada"));
      const keeper = term.value(bo, "#{pane_pid}");
      const view = readFileSync(`/proc/${keeper}/task/${keeper}/children`, "utf8")
        .trim()
        .split(" ")
        // The keeper's own copy, which looks after the owner, carries the same words behind its name.
        .find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(OPENCODE));
      process.kill(Number(view), "SIGKILL");
      await term.shows(bo, "This view has ended (code 137).");
      const ended = "its view has ended with code 137, Enter in it opens it again";
      await eventually(
        async () =>
          expect(await paneReports()).toEqual(["none: it was closed by the person", `${bo}: ${ended}`]),
        PATIENCE,
      );
      expect(toasts().filter((text) => text === `The pane of bo: ${ended}.`)).toHaveLength(1);
      term.press(bo, "Enter");
      await term.shows(bo, "Bo has read it.");
      await eventually(
        async () => expect(await paneReports()).toEqual(["none: it was closed by the person", bo]),
        PATIENCE,
      );
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "no turn and no tool waits for a tmux that does not answer, and what is missed is made up for",
    async () => {
      const before = term.arrangement();
      const { pid } = term;
      process.kill(pid, "SIGSTOP");
      try {
        team = await play.team(["ada"]);
        const reason = "tmux did not answer within 3 s";
        await eventually(async () => expect(await paneReports()).toEqual([`none: ${reason}`]), PATIENCE);
        const told = `No pane for members of ${team.name}: ${reason}.`;
        expect(toasts().filter((text) => text === told)).toHaveLength(1);
      } finally {
        process.kill(pid, "SIGCONT");
      }
      await says("ada (ada: waiting, blue)");
      await team.lead.uses("team_delete", {});
      await eventually(() => expect(term.arrangement()).toBe(before), PATIENCE);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "after kill -9 the panes are gone by themselves, and the next process shows the members again",
    async () => {
      const before = term.arrangement();
      team = await play.team(["ada"], { onBrief: { ada: [say("Ada has read it.")] } });
      await term.shows(await eventually(() => paneOf("ada"), PATIENCE), "Ada has read it.");
      await play.host.kill9();
      await eventually(() => expect(term.arrangement()).toBe(before), PATIENCE);
      await play.host.start();
      // The first request for the directory starts the plugin.
      await play.host.session();
      await term.shows(await eventually(() => paneOf("ada"), PATIENCE), "Ada has read it.");
      await team.lead.uses("team_delete", { force: true });
      await eventually(() => expect(term.arrangement()).toBe(before), PATIENCE);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a tmux that was started anew, with the ids of the old one, is left alone, and the team goes on",
    async () => {
      team = await play.team(["ada"]);
      await says("ada (ada: waiting, blue)");
      await term.shows(paneOf("ada"), "Subagent");
      await term.restart();
      furnish();
      await eventually(async () => {
        expect(await processesOf(play.host.ground.path)).toEqual([play.host.pid]);
      }, PATIENCE);
      term.run("split-window", "-d", "-h", "-t", "%0", "sleep", "3600");
      term.run("split-window", "-d", "-h", "-t", "%0", "sleep", "3600");
      const before = term.arrangement();
      await eventually(
        async () =>
          expect(await paneReports()).toEqual([
            "none: the tmux server in which OpenCode was started is gone",
          ]),
        PATIENCE,
      );
      await team.lead.uses("team_send_message", { to: "ada", body: "Still there?" });
      await team.member("ada").reads("Still there?");
      await team.quiet();
      expect(await team.lead.uses("team_delete", {})).toMatchObject({ status: "closed" });
      expect(term.arrangement()).toBe(before);
    },
    TEST_TIMEOUT_MS,
  );
});
