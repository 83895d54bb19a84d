import { describe, expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { call } from "../support/model-replies.ts";
import { bodiesIn } from "./envelopes.ts";
import { type Actor, answerOf, SILENCE, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const play = stage({ files: { ".gitignore": "*.log\n" } });

/** Git as a person uses it, in the main checkout or in a worktree. */
async function git(args: readonly string[], directory = play.host.work): Promise<string> {
  const { stdout } = await promisify(execFile)("git", args, {
    cwd: directory,
    env: play.host.ground.env,
  });
  return stdout.trim();
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function placeOf(team: Team, member: string): string {
  return join(play.baseDir, "worktrees", team.runId, member);
}

function bash(actor: Actor, command: string): Promise<string> {
  return actor.tries("bash", { command, description: "as the test wants it" });
}

const OWN = { worktree: true } as const;

describe("a member with a worktree of its own", () => {
  test(
    "works there, on a branch of its own, and mail goes both ways",
    async () => {
      const team = await play.team({ ada: OWN });
      const ada = team.member("ada");
      const place = placeOf(team, "ada");
      const session = await play.host.find(ada.sessionId);
      expect(session).toMatchObject({ directory: place, parentID: team.lead.sessionId });

      expect(await bash(ada, "pwd")).toContain(place);
      await bash(ada, "echo new > made.txt && git add made.txt && git commit -qm Make");
      expect(await git(["log", "-1", "--format=%s", `team/${team.name}/ada`])).toBe("Make");
      expect(await isThere(join(play.host.work, "made.txt"))).toBe(false);
      expect(await git(["status", "--porcelain"])).toBe("");

      await ada.uses("team_send_message", { to: "lead", body: "It is made." });
      await team.lead.reads("It is made.");
      await team.lead.uses("team_send_message", { to: "ada", body: "Thank you." });
      expect(bodiesIn(await ada.reads("Thank you."))).toEqual(["Thank you."]);
      await team.quiet();

      expect(await team.lead.uses("team_status")).toMatchObject({
        members: [
          {
            name: "ada",
            worktree: place,
            branch: `team/${team.name}/ada`,
            holds: ["1 commit not merged into main"],
          },
        ],
      });
      await git(["merge", "-q", `team/${team.name}/ada`]);
      const answer = await team.lead.uses("team_delete");
      expect(answer).toMatchObject({ worktrees: [{ member: "ada", path: place, outcome: "removed" }] });
      expect(await isThere(place)).toBe(false);
      expect(await git(["branch", "--list", "team/*"])).toBe("");
      expect(await git(["worktree", "list"])).not.toContain("ada");
    },
    TEST_TIMEOUT_MS,
  );
});
