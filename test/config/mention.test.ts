import { describe, expect, test } from "bun:test";
import { isMentioned } from "../../src/config/mention.ts";
import { configFiles, type Standpoint } from "../../src/config/places.ts";
import { type ConfigGround, configGround } from "./ground.ts";

function standpoint(ground: ConfigGround): Standpoint {
  return { directory: ground.at("work/a"), worktree: ground.at("work"), env: ground.env };
}

describe("whether anything speaks of team_mode", () => {
  test("nothing does in a home without it, whatever else is configured", async () => {
    await using ground = await configGround();
    ground.write("work/opencode.json", { model: "mock/m", agent: { team: {} } });
    expect(isMentioned(standpoint(ground), undefined)).toBe(false);
  });

  test("every file that the configuration is read from counts, and a broken one as well", async () => {
    await using empty = await configGround();
    const files = configFiles(standpoint(empty)).map((file) => file.slice(empty.path.length + 1));
    expect(files.length).toBeGreaterThan(8);
    for (const file of files) {
      await using ground = await configGround();
      ground.write(file, '{ "team_mode": { "enabled": tru');
      expect([file, isMentioned(standpoint(ground), undefined)]).toEqual([file, true]);
    }
  });

  test("so do OPENCODE_CONFIG_CONTENT and any options of the plugin", async () => {
    await using ground = await configGround();
    expect(isMentioned(standpoint(ground), { teem_mode: {} })).toBe(true);
    ground.env["OPENCODE_CONFIG_CONTENT"] = '{"team_mode":{}}';
    expect(isMentioned(standpoint(ground), undefined)).toBe(true);
  });
});
