import { describe, expect, test } from "bun:test";
import { storm } from "../soak/storm.ts";
import { stage } from "./stage.ts";

/** Some 40 turns: 10 s on a machine of its own, and many times that on one that runs other hosts as well. */
const STORM_MS = 240_000;

// Snapshots of the work tree are the host's and take most of a turn; nobody writes files here.
const play = stage({ teamMode: { enabled: true }, config: { snapshot: false } });

describe("three members and a lead who all write to each other", () => {
  test(
    "lose nothing, read everything once and in order, and leave no file behind",
    async () => {
      const { messages } = await storm(play, { members: 3, messages: 60, seed: 1, timeoutMs: STORM_MS });
      expect(messages).toBeGreaterThanOrEqual(60);
    },
    STORM_MS,
  );
});
