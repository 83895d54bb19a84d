import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../support/checkout.ts";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, openDesk } from "./command.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);
afterAll(() => command.remove());

describe("flotilla", () => {
  test("says how to use it, and names no command that does not exist", async () => {
    await using desk = await openDesk(command);
    const { code, out, err } = desk.flotilla("--help");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const named = [...out.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name ?? "");
    expect(named).toEqual(["doctor", "status", "limit"]);
    for (const name of named) expect(desk.flotilla(name).err, name).not.toContain("is not a command");
    expect(desk.flotilla()).toEqual({ code, out, err });
    expect(desk.flotilla("status", "-h")).toEqual({ code, out, err });
    expect(desk.flotillaUnderBun("--help")).toEqual({ code, out, err });
  });

  test("says its version", async () => {
    await using desk = await openDesk(command);
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    const said = { code: 0, out: `${version}\n`, err: "" };
    expect(desk.flotilla("--version")).toEqual(said);
    expect(desk.flotilla("-v")).toEqual(said);
    expect(desk.flotillaUnderBun("--version")).toEqual(said);
  });

  const misused: readonly (readonly [args: readonly string[], message: string])[] = [
    [["docter"], '"docter" is not a command'],
    [["constructor"], '"constructor" is not a command'],
    [["--json"], "no command is given"],
    [["doctor", "now"], '"now" is one word too many for doctor'],
    [["status", "one", "two"], '"two" is one word too many for status'],
    [["status", "--watch"], "Unknown option '--watch'"],
  ];
  for (const [args, message] of misused) {
    test(`refuses ${args.join(" ")} and names what there is, with code 2`, async () => {
      await using desk = await openDesk(command);
      for (const { code, out, err } of [desk.flotilla(...args), desk.flotillaUnderBun(...args)]) {
        expect(code).toBe(2);
        expect(out).toBe("");
        expect(err).toContain(message);
        expect(err).toContain("flotilla doctor [--json]; flotilla status [run] [--json]");
      }
    });
  }
});
