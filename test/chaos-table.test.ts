import { expect, test } from "bun:test";
import { POINTS } from "./chaos/points.ts";
import { publishedRows } from "./chaos/table.ts";

test("the table of kills names the points that there are, each on every route, and kills at random times", () => {
  const rows = publishedRows();
  const named = rows.slice(0, -1);
  expect(named.map(([name, meaning]) => [name, meaning])).toEqual(
    POINTS.map(({ stage, name, meaning }) => [`${stage}: ${name}`, meaning]),
  );
  expect(new Set(named.map(([, , kills]) => kills))).toEqual(new Set(["3"]));
  const [last, , kills] = rows.at(-1) ?? [];
  expect(last).toBe("random times");
  expect(Number(kills)).toBeGreaterThanOrEqual(200);
});
