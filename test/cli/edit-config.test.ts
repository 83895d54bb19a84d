import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type ParseError, parse } from "jsonc-parser";
import { editConfig } from "../../src/cli/edit-config.ts";
import { lineDiff } from "../../src/cli/line-diff.ts";

const ALL = { plugin: true, teamMode: true };

function edited(text: string, lack = ALL): string {
  const result = editConfig(text, lack);
  if (result.kind === "refused") throw new Error(result.fault);
  return result.text;
}

const CASES: Readonly<Record<string, readonly [before: string, after: string]>> = {
  "a file that is not there": [
    "",
    '{\n  "$schema": "https://opencode.ai/config.json",\n  "plugin": ["opencode-flotilla"],\n  "team_mode": { "enabled": true }\n}\n',
  ],
  "a file of comments": [
    "// mine\n",
    '// mine\n{\n  "$schema": "https://opencode.ai/config.json",\n  "plugin": ["opencode-flotilla"],\n  "team_mode": { "enabled": true }\n}\n',
  ],
  "an empty object": ["{}", '{\n  "plugin": ["opencode-flotilla"],\n  "team_mode": { "enabled": true }\n}'],
  "an object of one line": [
    '{ "model": "a/b" }',
    '{ "model": "a/b", "plugin": ["opencode-flotilla"], "team_mode": { "enabled": true } }',
  ],
  "a comment behind the last entry, which stays with it": [
    '{\n  "a": 1 // one\n}\n',
    '{\n  "a": 1, // one\n  "plugin": ["opencode-flotilla"],\n  "team_mode": { "enabled": true }\n}\n',
  ],
  "a trailing comma, which there is again": [
    '{\n  "a": 1, // one\n  // last\n}\n',
    '{\n  "a": 1, // one\n  "plugin": ["opencode-flotilla"],\n  "team_mode": { "enabled": true },\n  // last\n}\n',
  ],
  "a comma on a line of its own": [
    '{\n  "a": 1 /* one */\n  // odd\n  ,\n}\n',
    '{\n  "a": 1 /* one */\n  // odd\n  ,\n  "plugin": ["opencode-flotilla"],\n  "team_mode": { "enabled": true },\n}\n',
  ],
  "line ends of Windows and tabs": [
    '{\r\n\t"a": 1\r\n}\r\n',
    '{\r\n\t"a": 1,\r\n\t"plugin": ["opencode-flotilla"],\r\n\t"team_mode": { "enabled": true }\r\n}\r\n',
  ],
  "a mark at the beginning": [
    '\uFEFF{"a":1}',
    '\uFEFF{"a":1, "plugin": ["opencode-flotilla"], "team_mode": { "enabled": true }}',
  ],
  "other plugins, in one line": [
    '{\n  "plugin": ["other@1", ["third", { "x": 1 }]]\n}',
    '{\n  "plugin": ["other@1", ["third", { "x": 1 }], "opencode-flotilla"],\n  "team_mode": { "enabled": true }\n}',
  ],
  "other plugins, a line each": [
    '{\n    "plugin": [\n        "other", // good\n    ],\n}',
    '{\n    "plugin": [\n        "other", // good\n        "opencode-flotilla",\n    ],\n    "team_mode": { "enabled": true },\n}',
  ],
  "an empty list": [
    '{ "plugin": [ ] }',
    '{ "plugin": ["opencode-flotilla"], "team_mode": { "enabled": true } }',
  ],
  "a list that holds only a comment": [
    '{\n  "plugin": [ // none\n  ]\n}',
    '{\n  "plugin": [ // none\n    "opencode-flotilla"\n  ],\n  "team_mode": { "enabled": true }\n}',
  ],
  "team_mode that is switched off": [
    '{ "plugin": [], "team_mode": { "enabled": false /* not yet */, "max_members": 3 } }',
    '{ "plugin": ["opencode-flotilla"], "team_mode": { "enabled": true /* not yet */, "max_members": 3 } }',
  ],
  "team_mode that does not say": [
    '{\n  "plugin": [],\n  "team_mode": {\n    "max_members": 3\n  }\n}',
    '{\n  "plugin": ["opencode-flotilla"],\n  "team_mode": {\n    "max_members": 3,\n    "enabled": true\n  }\n}',
  ],
};

describe("what is missing is put into", () => {
  for (const [title, [before, after]] of Object.entries(CASES)) {
    test(title, () => expect(edited(before)).toBe(after));
  }

  test("a configuration only as far as it is missing", () => {
    expect(edited("{}", { plugin: false, teamMode: true })).toBe('{\n  "team_mode": { "enabled": true }\n}');
    expect(edited("{}", { plugin: true, teamMode: false })).toBe('{\n  "plugin": ["opencode-flotilla"]\n}');
  });

  test("nothing that is of another kind, which is named with its place", () => {
    expect(editConfig("[]", ALL)).toMatchObject({ kind: "refused", offset: 0 });
    expect(editConfig('{"plugin": "x"}', ALL)).toMatchObject({ kind: "refused", offset: 11 });
    expect(editConfig('{"plugin": [], "team_mode": 1}', ALL)).toMatchObject({ kind: "refused" });
  });

  const trivia = fc.constantFrom("", " ", "\n  ", " // one\n\t", " /* , } ] */ ", "\r\n// two\r\n");
  const value = fc.jsonValue({ maxDepth: 2 }).map((json) => JSON.stringify(json));
  const key = fc.constantFrom("model", "share", "$schema", "agent", "// no comment");
  /** Properties of one object with what people put between them. */
  const config = fc
    .tuple(
      fc.uniqueArray(fc.tuple(key, value, trivia, trivia), { selector: ([name]) => name, maxLength: 4 }),
      fc.boolean(),
      trivia,
    )
    .map(([entries, isTrailing, inside]) => {
      const said = entries.map(
        ([name, text, before, after], index) =>
          `${before}${JSON.stringify(name)}:${text}${after}${index < entries.length - 1 || isTrailing ? "," : ""}`,
      );
      return `{${said.join("")}${inside}}`;
    });

  test("any configuration: it says the same and that, and not a character of it is lost", () => {
    fc.assert(
      fc.property(config, (before) => {
        const after = edited(before);
        const errors: ParseError[] = [];
        const value = parse(after, errors, { allowTrailingComma: true });
        expect(errors).toEqual([]);
        expect(value).toEqual({
          ...parse(before, [], { allowTrailingComma: true }),
          plugin: ["opencode-flotilla"],
          team_mode: { enabled: true },
        });
        // Everything that was there is there, in its order.
        let at = 0;
        for (const character of after) if (character === before[at]) at += 1;
        expect(at).toBe(before.length);
      }),
    );
  });
});

describe("a comparison of two texts", () => {
  const shown = (before: string, after: string): readonly string[] =>
    lineDiff(before, after).map(({ mark, text }) => mark + text);

  test("shows what goes and what comes, with two lines around it", () => {
    expect(shown("1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4b\n5\n6\n7\n")).toEqual([
      " 2",
      " 3",
      "-4",
      "+4b",
      " 5",
      " 6",
      "+7",
    ]);
    expect(shown("a\nb\nc\nd\ne\nf\ng\n", "a\nb\nc\nd\ne\nf\ng\nh")).toEqual([" f", " g", "+h"]);
  });

  test("shows nothing where nothing changes, and everything that is new", () => {
    expect(shown("a\nb", "a\nb\n")).toEqual([]);
    expect(shown("", "a\nb\n")).toEqual(["+a", "+b"]);
  });
});
