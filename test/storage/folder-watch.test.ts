import { describe, expect, test } from "bun:test";
import { isTemp } from "../../src/storage/disk.ts";
import { isNews } from "../../src/storage/folder-watch.ts";

describe("a change in a run's folder", () => {
  test("is told, but for files in the making; one whose name the system does not say is told as well", () => {
    for (const name of ["state.json", null, undefined])
      expect([name, isNews(name, isTemp)]).toEqual([name, true]);
    expect(isNews(".tmp-1", isTemp)).toBe(false);
  });
});
