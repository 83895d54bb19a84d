import { describe, expect, test } from "bun:test";
import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { call, say } from "../support/model-replies.ts";
import { bodiesIn } from "./envelopes.ts";
import { stage, TEST_TIMEOUT_MS } from "./stage.ts";

const PASSWORD = "open-sesame-4711";

const play = stage({ env: { OPENCODE_SERVER_PASSWORD: PASSWORD } });

/** What every file below the folder holds. */
async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map((path) => readFile(path, "utf8")));
}

describe("a host with a server password", () => {
  test(
    "lets nobody in without it",
    async () => {
      expect((await fetch(`${play.host.url}/session`)).status).toBe(401);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "carries a whole story: create, mail both ways, status, delete; and the password stands nowhere",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      ada.plays(call("team_send_message", { to: "lead", body: "Done, lead." }), say("Told it."));
      await team.lead.uses("team_send_message", { to: "ada", body: "Do it, ada." });
      expect(bodiesIn(await ada.reads("Do it, ada."))).toEqual(["Do it, ada."]);
      expect(bodiesIn(await team.lead.reads("Done, lead."))).toEqual(["Done, lead."]);
      await team.quiet();
      const status = await team.lead.uses("team_status");
      expect(status).toMatchObject({ status: "active", members: [{ name: "ada", status: "waiting" }] });

      const secrets = [PASSWORD, btoa(`opencode:${PASSWORD}`)];
      const ours = await eventually(() => filesBelow(play.baseDir));
      expect(ours.length).toBeGreaterThan(3);
      const written = [...ours, JSON.stringify(status), await play.host.ground.log()];
      const sent = JSON.stringify(play.model.requests.map(({ body }) => body));
      for (const secret of secrets) for (const text of [...written, sent]) expect(text).not.toContain(secret);

      expect(await team.lead.uses("team_delete", {})).toMatchObject({ status: "closed" });
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a run's folder that was opened to others, with a word of a newer version in it", () => {
  test(
    "is closed to them when the plugin starts; the member is nobody's to wake, and the word is written back as it was",
    async () => {
      const team = await play.team(["ada", "bo"]);
      await play.host.stop();
      const folders = ["runs", "archive"].map((name) => join(play.baseDir, name));
      for (const folder of folders) await chmod(folder, 0o755);
      const path = join(team.files.path, "state.json");
      const state = JSON.parse(await readFile(path, "utf8"));
      state.members.ada.status = "hibernating";
      await writeFile(path, JSON.stringify(state));
      await chmod(path, 0o644);
      await play.host.start();

      expect(await team.lead.uses("team_status")).toMatchObject({
        members: [{ name: "ada", status: "lost", reason: "unknown:hibernating" }, { name: "bo" }],
      });
      for (const folder of folders) expect((await stat(folder)).mode & 0o777).toBe(0o700);
      expect(await team.lead.isRefused("team_send_message", { to: "ada", body: "Wake up." })).toStartWith(
        "member_ended: ",
      );
      await team.lead.uses("team_send_message", { to: "bo", body: "You are here." });
      await team.member("bo").reads("You are here.");
      await team.quiet();
      const after = JSON.parse(await readFile(path, "utf8"));
      expect(after.revision).toBeGreaterThan(state.revision);
      expect(after.members.ada).toEqual(state.members.ada);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
    },
    TEST_TIMEOUT_MS,
  );
});
