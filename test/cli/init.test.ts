import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync, lstatSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, openDesk } from "./command.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);

const JSONC = `{
  // my model
  "model": "a/b" // good
}
`;

describe("init", () => {
  test("shows what it would do, and does it only when it is told to; then there is nothing to do", async () => {
    await using desk = await openDesk(command);
    const path = desk.write("work/opencode.jsonc", JSONC);
    const before = desk.snapshot();
    const shown = [
      path,
      "  {",
      "    // my model",
      '-   "model": "a/b" // good',
      '+   "model": "a/b", // good',
      '+   "plugin": ["opencode-flotilla"],',
      '+   "team_mode": { "enabled": true }',
      "  }",
    ].join("\n");
    expect(desk.flotilla("init")).toEqual({
      code: 1,
      out: `${shown}\nNothing was changed: say --yes to do it.\n`,
      err: "",
    });
    expect(desk.snapshot()).toEqual(before);

    const { code, out } = desk.flotilla("init", "--yes");
    expect({ code, out }).toEqual({
      code: 0,
      out: `${shown}\nWrote ${path}.\nRestart OpenCode; flotilla doctor shows what holds.\n`,
    });
    expect(desk.flotilla("doctor").out).toContain("ok       team_mode is on");

    const written = desk.snapshot();
    const again = desk.flotillaUnderBun("init", "-y");
    expect(again).toMatchObject({ code: 0, err: "" });
    expect(again.out).toBe(
      `Nothing to do: the plugin is loaded (${path}:4:14) and team_mode is on (${path}:5:18).\n`,
    );
    expect(desk.snapshot()).toEqual(written);
  });

  test("makes the project's file where there is none, also under Bun", async () => {
    await using desk = await openDesk(command);
    expect(desk.flotillaUnderBun("init", "--yes").code).toBe(0);
    const path = desk.at("work", "opencode.jsonc");
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
      $schema: "https://opencode.ai/config.json",
      plugin: ["opencode-flotilla"],
      team_mode: { enabled: true },
    });
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  test("writes into the file that is there: opencode.json, or the one in .opencode", async () => {
    for (const name of ["work/opencode.json", "work/.opencode/opencode.json"]) {
      await using desk = await openDesk(command);
      const path = desk.write(name, '{"model":"a/b"}\n');
      expect(desk.flotilla("init", "--yes").out, name).toContain(`Wrote ${path}.`);
      expect(existsSync(desk.at("work", "opencode.jsonc"))).toBe(false);
    }
  });

  test("adds team_mode alone where an entry with options or a version loads the plugin already", async () => {
    await using desk = await openDesk(command);
    desk.write("home/.config/opencode/opencode.json", '{"plugin": [["opencode-flotilla@0.1.0", {}]]}');
    desk.write("work/opencode.json", "{}");
    expect(desk.flotilla("init", "--yes").code).toBe(0);
    expect(readFileSync(desk.at("work", "opencode.json"), "utf8")).toBe(
      '{\n  "team_mode": { "enabled": true }\n}',
    );
  });

  test("switches on where it was switched off", async () => {
    await using desk = await openDesk(command);
    desk.write("work/opencode.jsonc", '{"plugin":["opencode-flotilla"]}');
    const path = desk.write("work/.opencode/opencode.json", '{"team_mode":{"enabled":false}}');
    expect(desk.flotilla("init", "--yes").code).toBe(0);
    expect(readFileSync(path, "utf8")).toBe('{"team_mode":{"enabled":true}}');
  });

  test("leaves a project alone whose folder only begins with the name of this one's", async () => {
    await using desk = await openDesk(command);
    const other = '{"team_mode":{"enabled":false}}';
    desk.env["OPENCODE_CONFIG"] = desk.write("work-of-others/opencode.json", other);
    expect(desk.flotilla("init", "--yes").code).toBe(0);
    expect(readFileSync(desk.at("work-of-others/opencode.json"), "utf8")).toBe(other);
    expect(existsSync(desk.at("work/opencode.jsonc"))).toBe(true);
  });

  test("says what still switches it off where that is not its to change", async () => {
    await using desk = await openDesk(command);
    desk.env["OPENCODE_CONFIG_CONTENT"] = '{"team_mode":{"enabled":false}}';
    const { code, out } = desk.flotilla("init", "--yes");
    expect(code).toBe(1);
    expect(out).toContain("but team_mode is still off: see OPENCODE_CONFIG_CONTENT:1:15.");
  });

  test("switches on for all projects with --global, whatever this one has, through a link and with its modes", async () => {
    await using desk = await openDesk(command);
    desk.configure();
    const real = desk.write("home/dotfiles/opencode.json", "{}\n");
    desk.write("home/.config/opencode/AGENTS.md", "");
    const link = desk.at("home", ".config", "opencode", "opencode.json");
    symlinkSync(real, link);
    expect(desk.flotilla("init", "--global", "--yes").out).toContain(`Wrote ${link}.`);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, "utf8")).toBe(
      '{\n  "plugin": ["opencode-flotilla"],\n  "team_mode": { "enabled": true }\n}\n',
    );
    expect(desk.flotilla("init", "-g").out).toStartWith("Nothing to do: ");

    await using fresh = await openDesk(command);
    expect(fresh.flotilla("init", "--global", "--yes").code).toBe(0);
    expect(existsSync(fresh.at("home", ".config", "opencode", "opencode.jsonc"))).toBe(true);
  });

  const BROKEN: readonly (readonly [text: string, says: string])[] = [
    ['{\n  "model": "a/b"\n  "share": 1\n}', ":3:3: a comma is expected here"],
    ['{"plugin": "opencode-flotilla"}', ":1:12: plugin: a list in brackets is expected here"],
    ['{"team_mode": {"enabled": "yes"}}', ":1:27: team_mode.enabled: received"],
    ["[]", ":1:1: an object in braces is expected here"],
  ];
  for (const [text, says] of BROKEN) {
    test(`names the place of what is wrong in ${text.replaceAll("\n", " ")} and writes nothing`, async () => {
      await using desk = await openDesk(command);
      const path = desk.write("work/opencode.json", text);
      const before = desk.snapshot();
      const { code, out, err } = desk.flotilla("init", "--yes");
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expect(err).toContain(`${path}${says}`);
      expect(desk.snapshot()).toEqual(before);
    });
  }

  test("names what it cannot read or write, and leaves everything as it is", async () => {
    await using desk = await openDesk(command);
    const project = desk.at("work", "opencode.jsonc");
    symlinkSync("nowhere", project);
    // Also for a user who may do anything, there is no folder below a file.
    const folder = desk.write("home/.config", "");
    const before = desk.snapshot();
    const says = (fault: string): object => ({
      code: 2,
      err: expect.stringMatching(new RegExp(`^flotilla: ${fault}\n.+\n$`)),
    });
    expect(desk.flotilla("init", "--yes")).toMatchObject(says(`${project}: it cannot be read`));
    expect(desk.flotilla("init", "--yes", "--global")).toMatchObject(
      says(`${folder}/opencode/opencode.jsonc cannot be written: .*`),
    );
    expect(desk.snapshot()).toEqual(before);
  });
});
