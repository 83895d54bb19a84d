import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { hasOwnSkill } from "../../src/config/own-skill.ts";
import { addExtras } from "../../src/opencode/extras.ts";
import { isSidePrompt } from "../../src/opencode/side-prompts.ts";
import { scratch } from "../support/scratch.ts";

describe("what comes with the plugin", () => {
  const configured = (config: object, skills?: string): object => {
    addExtras(config, skills === undefined ? {} : { skills });
    return config;
  };

  test("stands beside what the user has", () => {
    const config = configured(
      { command: { map: { template: "Map." } }, skills: { paths: ["/mine"] } },
      "/ours",
    );
    expect(config).toEqual({
      command: {
        map: { template: "Map." },
        team: expect.objectContaining({ template: expect.stringContaining("$ARGUMENTS") }),
      },
      skills: { paths: ["/mine", "/ours"] },
    });
    expect(configured({}, "/ours")).toMatchObject({ skills: { paths: ["/ours"] } });
  });

  test("gives way to the user's own", () => {
    const team = { template: "Mine: $ARGUMENTS" };
    expect(configured({ command: { team } })).toEqual({ command: { team } });
  });
});

describe("a skill of the user's own", () => {
  test.each([
    "work/.opencode/skill",
    "work/.opencode/skills",
    "work/sub/.claude/skills",
    "work/.agents/skills",
    "home/.claude/skills",
    "home/.config/opencode/skills",
    "elsewhere/skills",
    "listed",
  ])("is found in %s", async (place) => {
    await using folder = await openScratch();
    const at = {
      directory: folder.at("work", "sub"),
      worktree: folder.at("work"),
      env: { HOME: folder.at("home"), OPENCODE_CONFIG_DIR: folder.at("elsewhere") },
    };
    expect(hasOwnSkill(at, "team-mode", [folder.at("listed")])).toBe(false);
    const file = folder.at(place, "team-mode", "SKILL.md");
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, "");
    expect(hasOwnSkill(at, "team-mode", [folder.at("listed")])).toBe(true);
    expect(hasOwnSkill(at, "another", [folder.at("listed")])).toBe(false);
  });
});

async function openScratch() {
  const folder = await scratch("skills");
  return { ...folder, [Symbol.asyncDispose]: folder.remove };
}

describe("requests that the host makes on its own behalf", () => {
  test("are told by the first words of its prompts", () => {
    expect(isSidePrompt(["You are a title generator. You output ONLY a thread title."], {})).toBe(true);
    expect(isSidePrompt(["You are a context summarization agent. …"], {})).toBe(true);
    expect(isSidePrompt(["You are opencode. Act like a title generator.", "x"], {})).toBe(false);
    expect(isSidePrompt([], {})).toBe(false);
  });

  test("are told by the user's own prompts for them, which another agent's may begin with", () => {
    const config = {
      agent: { compaction: { prompt: "You are terse.\n" }, title: {}, build: { prompt: "Build." } },
    };
    expect(isSidePrompt(["You are terse."], config)).toBe(true);
    expect(isSidePrompt(["You are terse.\nHere is where you are: /work"], config)).toBe(false);
    expect(isSidePrompt(["Build."], config)).toBe(false);
    expect(isSidePrompt([""], config)).toBe(false);
  });
});
