import { describe, expect, test } from "bun:test";
import { glanceOf } from "../../src/core/glance.ts";
import type { MemberStatus } from "../../src/core/run.ts";

const THREE = ["needs_approval", "working", "waiting"] as const;

describe("one glance at three members", () => {
  const rows = THREE.flatMap((ada) => THREE.flatMap((bo) => THREE.map((cy) => [ada, bo, cy] as const)));

  test.each(rows)("%s, %s and %s", (ada, bo, cy) => {
    const statuses = [ada, bo, cy];
    const first = THREE.find((status) => statuses.includes(status));
    expect(glanceOf(statuses)).toEqual({ status: first as MemberStatus });
  });

  test("are 27", () => expect(rows).toHaveLength(27));
});

describe("one glance", () => {
  const table: readonly [readonly MemberStatus[], string][] = [
    [["starting", "waiting"], "starting"],
    [["working", "starting"], "working"],
    [["done", "done"], "done"],
    [["done", "waiting"], "waiting"],
    [[], "waiting"],
    [["working", "failed"], "working"],
    [["needs_approval", "lost"], "needs_approval"],
    [["starting", "interrupted"], "starting"],
    [["waiting", "interrupted"], "waiting attention"],
    [["done", "failed"], "waiting attention"],
    [["lost"], "waiting attention"],
  ];
  test.each(table)("at %p is %s", (statuses, glance) => {
    const { status, reason } = glanceOf(statuses);
    expect(reason === undefined ? status : `${status} ${reason}`).toBe(glance);
  });
});
