import { describe, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { gate, once, say } from "../support/model-replies.ts";
import { mailIn } from "./envelopes.ts";
import { expectFlotilla } from "./flotilla.ts";
import { PATIENCE, SILENCE, stage, TEST_TIMEOUT_MS } from "./stage.ts";

const play = stage();

const call = (...words: readonly string[]): Promise<string> => expectFlotilla(play.host, ...words);

describe("a person at a shell", () => {
  test(
    "tells an idle member something: its model is sent it as the person's, and the command follows it to its end",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      ada.plays(SILENCE);
      const said = await call("tell", "ada", "Leave <b>that</b> to bo.", "--run", team.runId, "--wait", "60");

      const stages = said.trim().split("\n");
      expect(stages[0]).toEndWith("  ada: on disk");
      expect(stages.at(-1)).toEndWith("  ada: done: its model has answered and the turn is over");
      expect(mailIn(ada.newest()).at(-1)).toMatchObject({
        from: "person",
        kind: "person",
        body: "Leave <b>that</b> to bo.",
      });
      expect(await call("log", team.runId, "--mail")).toMatch(
        /person -> ada: person, 24 bytes\n {10}\| Leave <b>that<\/b> to bo\.\n[\s\S]* ada works\n[\s\S]* ada waits for mail\n/,
      );
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "sees who works while the model thinks, and that nothing waits when it is done",
    async () => {
      const team = await play.team(["ada"]);
      const door = gate();
      team.member("ada").plays(once(door, say("")));
      await call("tell", "ada", "Go on.", "--run", team.runId, "--wait", "0");
      await eventually(
        async () => expect(await call("status", team.runId, "--line")).toBe(`${team.name}: 1 working\n`),
        PATIENCE,
      );
      expect(await call("why", team.runId)).toContain("  - ada has been at work for ");
      expect(await call("status", team.runId)).toMatch(/^ {2}ada {5}working /m);
      door.open();
      await team.quiet();
      await eventually(
        async () => expect(await call("status", team.runId, "--line")).toBe(`${team.name}: 1 waiting\n`),
        PATIENCE,
      );
      expect(await call("why", team.runId)).toContain("  Nothing waits: ");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "ends the hold of a person's Esc with a word, and is told before what waits for it",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      ada.plays(once(gate(), say("")));
      await call("tell", "ada", "Begin.", "--run", team.runId, "--wait", "0");
      await ada.reads("Begin.");
      await play.host.abort(ada.sessionId);
      await eventually(async () => {
        const { heldByPerson } = (await team.files.state()).members["ada"] ?? {};
        expect(heldByPerson).toBe(true);
      }, PATIENCE);
      expect(await call("why", team.runId)).toMatch(
        /ada was stopped by a person .* and waits for a word\.\n +flotilla tell ada "Go on\." --run/,
      );

      ada.plays(SILENCE);
      await call("tell", "ada", "Go on.", "--run", team.runId, "--wait", "60");
      expect(ada.newest().lastUserText).toContain("Go on.");
    },
    TEST_TIMEOUT_MS,
  );
});
