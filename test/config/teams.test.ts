import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { openTeams } from "../../src/config/teams.ts";
import { FlotillaError } from "../../src/errors.ts";
import type { TeamFile } from "../../src/ports.ts";
import { type ConfigGround, configGround } from "./ground.ts";

const TEAM = { members: [{ name: "scout", agent: "general" }] };
const described = (description: string): object => ({ ...TEAM, description });

async function list(ground: ConfigGround, directory = "work/a"): Promise<readonly TeamFile[]> {
  return openTeams(ground.env).list({ directory: ground.at(directory), worktree: ground.at("work") });
}

/** One line a row: name, source, and its description or its error without the scratch directory. */
async function rows(ground: ConfigGround, directory?: string): Promise<readonly string[]> {
  const files = await list(ground, directory);
  return files.map((file) => {
    const last =
      "team" in file ? (file.team.spec.description ?? "") : file.error.replaceAll(`${ground.path}/`, "");
    return `${file.name} ${file.source} ${last}`.trim();
  });
}

describe("declared teams", () => {
  test("are none without a folder", async () => {
    await using ground = await configGround();
    expect(await list(ground)).toEqual([]);
  });

  test("are understood as an inline team is, with path, source and notes", async () => {
    await using ground = await configGround();
    ground.write(
      "work/.opencode/teams/explorers.jsonc",
      `// who
{ "name": "explorers", "members": ["general", { "name": "Ada", "agent": "build", }, ], }`,
    );
    expect(await list(ground)).toEqual([
      {
        name: "explorers",
        source: "project",
        path: ground.at("work/.opencode/teams/explorers.jsonc"),
        team: {
          source: "project",
          notes: ['members[1].name "Ada" is used as "ada".'],
          spec: {
            name: "explorers",
            allowMemberBroadcast: false,
            members: [
              { name: "general", kind: "subagent_type", agent: "general", worktree: false },
              { name: "ada", kind: "subagent_type", agent: "build", worktree: false },
            ],
          },
        },
      },
    ]);
  });

  test("come from the working directory, its parents up to the root, and the user, nearest first", async () => {
    await using ground = await configGround();
    ground.write("work/a/.opencode/teams/one.json", described("near"));
    ground.write("work/.opencode/teams/one.jsonc", described("root"));
    ground.write("work/.opencode/teams/two.jsonc", described("root"));
    ground.write("home/.config/opencode/teams/two.jsonc", described("user"));
    ground.write("home/.config/opencode/teams/three.jsonc", described("user"));
    ground.write(".opencode/teams/four.jsonc", described("above the root"));
    expect(await rows(ground)).toEqual(["one project near", "two project root", "three user user"]);
    expect(await rows(ground, "work")).toEqual(["one project root", "two project root", "three user user"]);
  });

  test("of the user are where XDG_CONFIG_HOME says", async () => {
    await using ground = await configGround();
    ground.env["XDG_CONFIG_HOME"] = ground.at("xdg");
    ground.write("xdg/opencode/teams/mine.jsonc", described("xdg"));
    expect(await rows(ground)).toEqual(["mine user xdg"]);
  });

  test("are .jsonc before .json of one folder, and nothing else", async () => {
    await using ground = await configGround();
    ground.write("work/.opencode/teams/one.json", described("json"));
    ground.write("work/.opencode/teams/one.jsonc", described("jsonc"));
    ground.write("work/.opencode/teams/README.md", "# Teams");
    ground.write("work/.opencode/teams/old.json.bak", "{");
    expect(await rows(ground)).toEqual(["one project jsonc"]);
  });

  test("are called by the file's name, and a note says so where the file says otherwise", async () => {
    await using ground = await configGround();
    ground.write("work/.opencode/teams/Night_Watch.json", { ...TEAM, name: "day-watch" });
    const [file] = await list(ground);
    expect(file).toMatchObject({
      name: "night-watch",
      team: {
        spec: { name: "night-watch" },
        notes: ['The file calls the team "day-watch"; it is known by the file\'s name, "night-watch".'],
      },
    });
  });

  test("may be symbolic links", async () => {
    await using ground = await configGround();
    ground.write("shared/one.json", described("linked"));
    mkdirSync(ground.at("work/.opencode"), { recursive: true });
    symlinkSync(ground.at("shared"), ground.at("work/.opencode/teams"));
    expect(await rows(ground)).toEqual(["one project linked"]);
  });
});

describe("a broken team file", () => {
  test("is one row with the place and the reason, beside the others", async () => {
    await using ground = await configGround();
    ground.write(
      "work/.opencode/teams/bad.jsonc",
      '{\n  "members": [\n    { "agent": "general", "promt": "x" }\n  ]\n}',
    );
    ground.write("work/.opencode/teams/cut.jsonc", '{\n  "members": [');
    ground.write("work/.opencode/teams/good.jsonc", described("fine"));
    ground.write("work/.opencode/teams/twice.jsonc", '{ "members": ["build"],\n"members": ["plan"] }');
    mkdirSync(ground.at("work/.opencode/teams/folder.jsonc"));
    ground.write("work/.opencode/teams/Né.jsonc", TEAM);
    ground.write("work/.opencode/teams/empty.jsonc", "");
    expect([...(await rows(ground))].sort()).toEqual([
      "Né project work/.opencode/teams/Né.jsonc: the file's name is no team's name. Allowed: letters a-z, digits and hyphens, at most 64 characters, then .jsonc or .json.",
      'bad project work/.opencode/teams/bad.jsonc:3:27: members[0].promt: unknown key, did you mean "prompt"? Allowed: name, kind, subagent_type, agent, category, prompt, systemPrompt, system_prompt, role, instructions, model, variant, worktree.',
      "cut project work/.opencode/teams/cut.jsonc:2:15: a closing bracket ] is missing",
      "empty project work/.opencode/teams/empty.jsonc:1:1: a value is expected here",
      "folder project work/.opencode/teams/folder.jsonc: the file cannot be read (EISDIR)",
      "good project fine",
      "twice project work/.opencode/teams/twice.jsonc:2:1: this key stands here twice",
    ]);
  });

  test("tells all that is wrong, each with its line, synonyms by the name that was used", async () => {
    await using ground = await configGround();
    ground.write(
      "work/.opencode/teams/bad.jsonc",
      '{ "members": [null,\n  { "name": "lead", "agent": "x" },\n  { "category": "docs", "role": "short" },\n  { "agent": "x",\n    "model": "m" } ] }',
    );
    expect((await rows(ground))[0]?.split("\n")).toEqual([
      'bad project work/.opencode/teams/bad.jsonc:2:13: members[1].name: received "lead", which is reserved. Allowed: any name but lead, person, system, *.',
      'work/.opencode/teams/bad.jsonc:3:33: members[2].role: received "short". Allowed: text of at least 8 characters.',
      'work/.opencode/teams/bad.jsonc:5:14: members[3].model: received "m". Allowed: text of the form "provider/model".',
    ]);
  });

  test("hides a farther one of its name", async () => {
    await using ground = await configGround();
    ground.write("work/.opencode/teams/one.jsonc", "{");
    ground.write("home/.config/opencode/teams/one.jsonc", described("user"));
    expect(await rows(ground)).toEqual([
      "one project work/.opencode/teams/one.jsonc:1:2: a closing brace } is missing",
    ]);
  });

  test("is not the only thing that can be broken: a file in the place of the folder is no team", async () => {
    await using ground = await configGround();
    ground.write("work/.opencode/teams", "not a folder");
    ground.write("home/.config/opencode/teams/one.jsonc", described("user"));
    expect(await rows(ground)).toEqual(["one user user"]);
  });
});

describe("an inline team", () => {
  const teams = openTeams({ HOME: "/nowhere" });

  test("is understood from an object and from JSON text", () => {
    for (const written of [TEAM, JSON.stringify(TEAM)]) {
      expect(teams.parse(written)).toEqual({
        source: "inline",
        notes: [],
        spec: {
          name: "team",
          allowMemberBroadcast: false,
          members: [{ name: "scout", kind: "subagent_type", agent: "general", worktree: false }],
        },
      });
    }
  });

  test("that breaks a rule is refused with spec_invalid, every reason and the next step", () => {
    let thrown: unknown;
    try {
      teams.parse({
        members: [
          { agent: "general", sytemPrompt: "x" },
          { name: "*", agent: "x" },
        ],
      });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(FlotillaError);
    const { code, message, hint } = thrown as FlotillaError;
    expect(code).toBe("spec_invalid");
    expect(message.split("\n")).toEqual([
      expect.stringMatching(
        /^members\[0\]\.sytemPrompt: unknown key, did you mean "systemPrompt"\? Allowed: name, /,
      ),
      'members[1].name: received "*", which is reserved. Allowed: any name but lead, person, system, *.',
    ]);
    expect(hint).toBe("Correct these 2 places and call again. Nothing was created.");
  });
});
