import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readJsonc } from "../../src/config/jsonc.ts";

function faults(text: string): readonly string[] {
  return readJsonc(text).faults.map(({ at, path, message }) =>
    [`${at.line}:${at.column}`, path.join("."), message].filter((part) => part !== "").join(" "),
  );
}

describe("JSON as people write it", () => {
  test("may have comments, trailing commas and a byte order mark", () => {
    const text = readJsonc('\uFEFF// top\n{ "a": [1, 2,], /* in */ "b": { "c": null, }, }\n');
    expect(text.faults).toEqual([]);
    expect(text.value).toEqual({ a: [1, 2], b: { c: null } });
  });

  test("keeps every key as data, those of an object's prototype too", () => {
    const { value } = readJsonc('{ "__proto__": { "x": 1 }, "constructor": 2 }');
    expect(Object.keys(value as object)).toEqual(["__proto__", "constructor"]);
    expect((value as { x?: number }).x).toBeUndefined();
  });

  test("may hold a reference of the host where a value is wanted", () => {
    expect(faults('{ "a": {env:PORT}, "b": [{file:./x.json}], "c": 1 }')).toEqual([]);
  });

  test.each([
    ['{ "a" 1 }', "1:7 a colon is expected here"],
    ['{\n  "a": 1\n  "b": 2\n}', "3:3 a comma is expected here"],
    ['{ "a": }', "1:8 a value is expected here"],
    ["{ a: 1 }", "1:3 a word that is not JSON; texts stand in double quotes"],
    ['{ "a": "x }', "1:8 the text is not closed; a closing quote is missing"],
    ['{ "a": 1', "1:9 a closing brace } is missing"],
    ['["a"', "1:5 a closing bracket ] is missing"],
    ["{} {}", "1:4 nothing more is expected here"],
    ["", "1:1 a value is expected here"],
    ['{ "a": 1, "b": "\\q" }', "1:16 an unknown escape after the backslash"],
    ['{ "a": 1, "a": 2 }', "1:11 a this key stands here twice"],
    ['{ "a": { "b": 1,\n"b": 2 } }', "2:1 a.b this key stands here twice"],
    ["[".repeat(200_000), "1:1 nested too deeply"],
  ])("%p is found out", (text, fault) => {
    expect(faults(text)).toEqual([fault]);
  });

  test("positions point at keys and values, and at what is nearest if there is nothing", () => {
    const text = readJsonc('{\n  "a": {\r\n    "b": [1, "x"]\n  }\n}');
    expect(text.keyAt(["a", "b"])).toEqual({ line: 3, column: 5 });
    expect(text.valueAt(["a", "b"])).toEqual({ line: 3, column: 10 });
    expect(text.valueAt(["a", "b", 1])).toEqual({ line: 3, column: 14 });
    expect(text.valueAt(["a", "c", "d"])).toEqual({ line: 2, column: 8 });
    expect(text.valueAt([])).toEqual({ line: 1, column: 1 });
  });

  test("any value that is written out is read back", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value, undefined, 1);
        expect(readJsonc(text)).toMatchObject({ faults: [] });
        expect(JSON.stringify(readJsonc(text).value)).toBe(JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 200 },
    );
  });

  test("no text makes the reader throw", () => {
    const scrap = fc.array(
      fc.constantFrom("{", "}", "[", "]", '"', "a", ":", ",", "1", "//", "/*", "\n", "\\", "{env:X}"),
    );
    fc.assert(
      fc.property(scrap, (parts) => {
        const text = readJsonc(parts.join(""));
        expect(text.valueAt(["a", 0]).line).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});
