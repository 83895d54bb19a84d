import { describe, expect, test } from "bun:test";
import type { PermissionRule } from "../../src/core/run.ts";
import { matches, missingRules, rulesOf } from "../../src/opencode/rules.ts";

const rule = (permission: string, action: PermissionRule["action"]): PermissionRule => ({
  permission,
  pattern: "*",
  action,
});

describe("rules to append", () => {
  const wanted = [rule("team_a", "deny"), rule("team_a", "allow")];

  test("all, when the session has none of them or only some", () => {
    expect(missingRules([], wanted)).toEqual(wanted);
    expect(missingRules([rule("team_a", "allow")], wanted)).toEqual(wanted);
  });

  test("none, when they stand there and nothing later can match the same", () => {
    expect(missingRules(wanted, wanted)).toEqual([]);
    expect(missingRules([rule("bash", "ask"), ...wanted, rule("bash", "deny")], wanted)).toEqual([]);
  });

  test("all, when a later rule speaks of the same thing", () => {
    for (const later of ["team_a", "team_*", "*", "team_?"]) {
      expect(missingRules([...wanted, rule(later, "deny")], wanted)).toEqual(wanted);
    }
    const wild = [rule("team_*", "allow")];
    for (const later of ["team_a", "*"]) {
      expect(missingRules([...wild, rule(later, "deny")], wild)).toEqual(wild);
    }
  });

  test("none, when there is nothing to add", () => {
    expect(missingRules([rule("bash", "ask")], [])).toEqual([]);
  });
});

test("a wildcard matches the whole name and no special character", () => {
  expect(matches("team_*", "team_create")).toBe(true);
  expect(matches("team_?*", "team_")).toBe(false);
  expect(matches("team", "team_create")).toBe(false);
  expect(matches("a.b", "axb")).toBe(false);
  expect(matches("*", "a\nb")).toBe(true);
});

test("rules of a form that is not known are left out", () => {
  const good = rule("bash", "ask");
  expect(rulesOf([good, { permission: "bash" }, { ...good, action: "maybe" }, null, "bash"])).toEqual([good]);
  expect(rulesOf(undefined)).toEqual([]);
});
