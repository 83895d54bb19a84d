import { describe, expect, test } from "bun:test";
import { counted, cut, plain, quoted, table } from "../../src/cli/table.ts";
import { isWithin } from "../../src/cli/versions.ts";

describe("a table", () => {
  const heading = ["NAME", "NONE", "REASON"];

  test("has columns as wide as their widest cell and leaves out what is empty everywhere", () => {
    expect(
      table(heading, [
        ["ada", "", "fine"],
        ["beatrice", "", ""],
      ]),
    ).toEqual(["NAME      REASON", "ada       fine", "beatrice"]);
  });

  test("cuts its last column to the width of the screen, and nothing where there is no screen", () => {
    const reason = "a provider that did not answer in time";
    expect(table(heading, [["ada", "", reason]], 24)).toEqual(["NAME  REASON", "ada   a provider that d…"]);
    expect(table(heading, [["ada", "", reason]], 3)).toEqual(["NAME  REASON", "ada   a provider …"]);
    expect(table(heading, [["ada", "", reason]])[1]).toBe(`ada   ${reason}`);
  });

  test("leaves out what can be done without where the screen is narrow, first what is missed least", () => {
    const rows = [["ada", "general", "12", "a reason that is long"]];
    const shown = (width: number) =>
      table(["NAME", "AGENT", "TURNS", "REASON"], rows, width, ["AGENT", "TURNS"]);
    expect(shown(34)[1]).toBe("ada   general  12     a reason th…");
    expect(shown(33)[1]).toBe("ada   12     a reason that is lo…");
    expect(shown(20)[1]).toBe("ada   a reason that…");
  });

  test("keeps its lines whole whatever stands in a cell", () => {
    const lines = table(heading, [["a\nda", "", "\u001b]0;title\u0007\u009b2Jx\u202ey\u2028z"]]);
    expect(lines).toEqual(["NAME  REASON", "a da   ]0;title 2Jx y z"]);
  });

  test("counts characters, not their halves", () => {
    expect(cut("👍👍👍👍", 3)).toBe("👍👍…");
    expect(plain("👍\tja")).toBe("👍 ja");
  });
});

test("a path that a shell would take apart is quoted", () => {
  expect(["/a/b.c", "/my runs", "/it's", "$HOME"].map(quoted)).toEqual([
    "/a/b.c",
    "'/my runs'",
    "'/it'\\''s'",
    "'$HOME'",
  ]);
});

test("one thing is not several", () => {
  expect([0, 1, 2].map((count) => counted(count, "task"))).toEqual(["0 tasks", "1 task", "2 tasks"]);
});

test("a version is compared number by number with each bound of a range", () => {
  const table: readonly (readonly [version: string, within: boolean])[] = [
    ["1.18.20", true],
    ["1.18.19", false],
    ["1.18.100", true],
    ["v1.19.0-beta.1", true],
    ["1.18", false],
    ["2.0.0", false],
    ["10.0.0", false],
    ["0.9.99", false],
    ["next", false],
  ];
  for (const [version, within] of table) expect(isWithin(version, ">=1.18.20 <2"), version).toBe(within);
  expect(isWithin("20.20.2", ">=20")).toBe(true);
  expect(isWithin("18.19.0", ">=20")).toBe(false);
});
