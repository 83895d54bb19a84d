import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeMachine } from "../../bench/machine.ts";
import { stage } from "../e2e/stage.ts";
import { ROOT } from "../support/checkout.ts";
import { bareGrowth } from "./bare-host.ts";
import { MemoryUse } from "./memory-use.ts";
import { type StormReport, storm } from "./storm.ts";

const MEMBERS = 8;
const MESSAGES = 2_000;

/** The machine may be a slow one that does other things as well. */
const STORM_MS = 60 * 60_000;

/**
 * What the plugin may take beyond the host's own growth over the last three fifths of the work, some 1,200 messages: a
 * leak of 80 kB a message shows, the noise of two processes' garbage collectors (30 MB, measured) does not.
 */
const FLAT_MB = 100;

// Snapshots of the work tree are the host's and take most of a turn; nobody writes files here.
const play = stage({ teamMode: { enabled: true }, config: { snapshot: false } });

describe("eight members and a lead who all write to each other", () => {
  test(
    "lose nothing of 2,000 messages, read everything once and in order, in memory that stays flat, and leave no file",
    async () => {
      const use = new MemoryUse(play.host.pid);
      const report = await storm(play, {
        members: MEMBERS,
        messages: MESSAGES,
        seed: 1,
        timeoutMs: STORM_MS,
        onStep: () => use.sample(),
      });
      const ours = await use.growth();
      const bare = await bareGrowth({
        sessions: MEMBERS + 1,
        prompts: report.prompts,
        steps: report.steps,
        characters: Math.round(report.characters / report.prompts),
        timeoutMs: STORM_MS,
      });
      writeFileSync(join(ROOT, "docs", "results", "soak.md"), page(report, ours, bare));
      expect(report.messages).toBeGreaterThanOrEqual(MESSAGES);
      expect(ours.growthMb - bare.growthMb).toBeLessThan(FLAT_MB);
    },
    2 * STORM_MS,
  );
});

type Growth = Awaited<ReturnType<MemoryUse["growth"]>>;

function page(report: StormReport, ours: Growth, bare: Growth): string {
  const per = (count: number): string => (count / report.messages).toFixed(2);
  const memory = (who: string, { fromMb, toMb, growthMb }: Growth): string =>
    `| ${who} | ${fromMb.toFixed(0)} MB | ${toMb.toFixed(0)} MB | ${growthMb.toFixed(0)} MB |`;
  return `${[
    "# A storm of mail on the real host",
    "Written by `npm run soak` (`test/soak/real-host.test.ts`); changes by hand are lost. A lead and eight members of a team write to each other through `team_send_message` calls of a scripted model, in bursts, with broadcasts of the lead, four members at a time; the host keeps no snapshots of the work tree.",
    `${new Date().toISOString().slice(0, 10)}. ${describeMachine()}.`,
    [
      "| | |",
      "|---|---:|",
      `| messages that somebody sent, one an inbox | ${report.messages} |`,
      `| with those of the plugin itself | ${report.delivered} |`,
      "| lost, doubled, out of order for their sender, unread, given up | 0 |",
      "| files left in the run's folder, and in the archive after `team_delete` | 0 |",
      `| prompts that carried them | ${report.prompts} (${per(report.prompts)} a message) |`,
      `| turns of members | ${report.turns} (${per(report.turns)} a message) |`,
      `| model calls, the lead's included | ${report.steps} (${per(report.steps)} a message) |`,
      `| time | ${report.seconds.toFixed(0)} s |`,
    ].join("\n"),
    "Less than one turn a message is coalescing: what is ready travels as one prompt, and what comes while a turn runs joins it.",
    "Resident memory of the host's process, beside a host without any plugin that does as many prompts of the same length and as many model calls. Medians of the second and of the last fifth of the work.",
    [
      "| | second fifth | last fifth | growth |",
      "|---|---:|---:|---:|",
      memory("with the team", ours),
      memory("bare host", bare),
    ].join("\n"),
  ].join("\n\n")}\n`;
}
