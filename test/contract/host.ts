import { describe, expect, test } from "bun:test";
import type { FlotillaMark } from "../../src/core/delivery.ts";
import type { Fact } from "../../src/core/facts.ts";
import type { SessionId } from "../../src/core/ids.ts";
import type { TranscriptEntry } from "../../src/core/verdict.ts";
import type { Host, Prompt } from "../../src/ports.ts";

/** What the model does in one step. */
export type Act =
  /** Its last word: the turn ends. */
  | { readonly type: "say"; readonly text: string }
  /** Calls a harmless tool and goes on, at once or when `once` has come. */
  | { readonly type: "look"; readonly once?: Promise<void> }
  /** The provider refuses. */
  | { readonly type: "fail" };

/** A host with one idle team in it, as the plugin and a person meet it. */
export interface HostStage {
  readonly host: Pick<Host, "abort" | "isStored" | "lastTurn" | "post" | "transcript">;
  readonly directory: string;
  openMember(): Promise<SessionId>;
  /** What the model does in the session's next steps; afterwards it says "ok.". */
  plays(sessionId: SessionId, ...acts: readonly Act[]): void;
  /** What the plugin was told of the session. */
  facts(sessionId: SessionId): Promise<readonly Fact[]>;
  /** A person has the history summarised; nothing of it is kept beside the summary. */
  compact(sessionId: SessionId): Promise<void>;
  /** Runs the assertion until it holds. */
  eventually(assertion: () => Promise<void>): Promise<void>;
}

let serial = 0;

function promptTo(sessionId: SessionId, text: string): Prompt {
  serial += 1;
  const mark = { runId: "run_1", batchId: `batch_${serial}`, round: 1 };
  const ids = { hostMessageId: `msg_contract${serial}`, hostPartId: `prt_contract${serial}` };
  return { sessionId, ...ids, text, mark, agent: "general", model: { providerId: "mock", modelId: "m" } };
}

/** What delivery relies on in a host; the simulated one and the real one both keep it. */
export function hostContract(stageOf: () => HostStage, timeoutMs?: number): void {
  const keeps = (title: string, story: (stage: HostStage) => Promise<void>): void =>
    test(title, () => story(stageOf()), timeoutMs);

  /** Resolves when the session has ended `turns` turns and rests. */
  async function settled(stage: HostStage, sessionId: SessionId, finished: number): Promise<void> {
    await stage.eventually(async () => {
      const turn = await stage.host.lastTurn(sessionId, stage.directory);
      expect(turn).toMatchObject({ activity: "idle", step: { completed: true } });
      const entries = (await stage.host.transcript(sessionId)) ?? [];
      expect(entries.filter(({ role, completedAt }) => role === "assistant" && completedAt)).toHaveLength(
        finished,
      );
    });
  }

  async function lists(stage: HostStage, sessionId: SessionId) {
    const facts = await stage.facts(sessionId);
    return facts.filter((fact) => fact.type === "list_shown");
  }

  async function marksShown(
    stage: HostStage,
    sessionId: SessionId,
  ): Promise<readonly (readonly FlotillaMark[])[]> {
    return (await lists(stage, sessionId)).map(({ shown }) => shown.map(({ mark }) => mark));
  }

  function copies(entries: readonly TranscriptEntry[] | undefined, { mark }: Prompt): number {
    const parts = (entries ?? []).flatMap(({ marked }) => marked);
    return parts.filter((part) => part.mark.batchId === mark.batchId).length;
  }

  describe("a prompt", () => {
    keeps("to an idle session starts a turn whose list shows it and whose step names it", async (stage) => {
      const sessionId = await stage.openMember();
      stage.plays(sessionId, { type: "say", text: "Seven." });
      const prompt = promptTo(sessionId, "How many?");
      expect(await stage.host.post(prompt)).toEqual({ kind: "accepted" });
      await settled(stage, sessionId, 1);

      expect(await stage.host.lastTurn(sessionId, stage.directory)).toMatchObject({
        step: { finish: "stop", text: "Seven." },
      });
      const [question, answer] = (await stage.host.transcript(sessionId)) ?? [];
      expect(question).toMatchObject({
        hostMessageId: prompt.hostMessageId,
        marked: [{ mark: prompt.mark, text: prompt.text }],
      });
      expect(answer).toMatchObject({ parentId: prompt.hostMessageId, finish: "stop", failed: false });
      expect(await stage.host.isStored(sessionId, prompt.hostMessageId)).toBe(true);
      const told = (await stage.facts(sessionId)).map(({ type }) => type);
      expect(told).toContain("prompt_received");
      expect(told.indexOf("session_busy")).toBeLessThan(told.indexOf("session_idle"));
      expect(await marksShown(stage, sessionId)).toEqual([[prompt.mark]]);
    });

    keeps("to a session at work stands in the next list of the same turn", async (stage) => {
      const sessionId = await stage.openMember();
      const { promise, resolve } = Promise.withResolvers<void>();
      stage.plays(sessionId, { type: "look", once: promise });
      const [first, second] = [promptTo(sessionId, "Look."), promptTo(sessionId, "By the way.")];
      await stage.host.post(first);
      await stage.eventually(async () => expect(await lists(stage, sessionId)).toHaveLength(1));
      await stage.host.post(second);
      await stage.eventually(async () =>
        expect(await stage.host.isStored(sessionId, second.hostMessageId)).toBe(true),
      );
      resolve();
      await settled(stage, sessionId, 2);

      expect(await marksShown(stage, sessionId)).toEqual([[first.mark], [first.mark, second.mark]]);
      // The list says how the step before it ended, and which one that was.
      const [, answer] = (await stage.host.transcript(sessionId)) ?? [];
      const [, later] = await lists(stage, sessionId);
      expect(later).toMatchObject({ lastStepId: answer?.hostMessageId, lastStepAnswered: true });
      expect(later?.passed).toBeUndefined();
    });

    keeps("to a session at rest is shown below the word that ended the turn before it", async (stage) => {
      const sessionId = await stage.openMember();
      stage.plays(sessionId, { type: "say", text: "Hello to you." });
      await stage.host.post(promptTo(sessionId, "Hello."));
      await settled(stage, sessionId, 1);
      await stage.host.post(promptTo(sessionId, "And now?"));
      await settled(stage, sessionId, 2);

      expect((await lists(stage, sessionId)).at(-1)).toMatchObject({
        lastStepAnswered: true,
        passed: { finish: "stop", text: "Hello to you." },
      });
    });

    keeps("to a session that is not there is told so", async (stage) => {
      expect(await stage.host.post(promptTo("ses_00000000000000000000000000", "Hello?"))).toMatchObject({
        kind: "session_gone",
      });
    });
  });

  describe("the same prompt again", () => {
    keeps("stands once, and starts nothing while it is the newest and answered", async (stage) => {
      const sessionId = await stage.openMember();
      const prompt = promptTo(sessionId, "Once.");
      await stage.host.post(prompt);
      await settled(stage, sessionId, 1);
      expect(await stage.host.post(prompt)).toEqual({ kind: "accepted" });
      // Answered only after the host has taken what came before it.
      await stage.eventually(async () => {
        const told = await stage.facts(sessionId);
        expect(told.filter(({ type }) => type === "prompt_received")).toHaveLength(2);
      });
      await stage.host.post(promptTo(sessionId, "And then this."));
      await settled(stage, sessionId, 2);
      expect(copies(await stage.host.transcript(sessionId), prompt)).toBe(1);
    });

    keeps("starts a turn when the one before has failed, and stands once", async (stage) => {
      const sessionId = await stage.openMember();
      stage.plays(sessionId, { type: "fail" });
      const prompt = promptTo(sessionId, "Try.");
      await stage.host.post(prompt);
      await settled(stage, sessionId, 1);
      const failed = (await stage.host.transcript(sessionId)) ?? [];
      expect(failed.at(-1)).toMatchObject({ failed: true });
      expect(failed.at(-1)?.finish).toBeUndefined();

      await stage.host.post(prompt);
      await settled(stage, sessionId, 2);
      const entries = await stage.host.transcript(sessionId);
      expect(copies(entries, prompt)).toBe(1);
      expect(entries?.at(-1)).toMatchObject({
        parentId: prompt.hostMessageId,
        finish: "stop",
        failed: false,
      });
    });
  });

  describe("a turn that is stopped", () => {
    keeps("leaves a complete step with the host's word for it, and nothing works", async (stage) => {
      const sessionId = await stage.openMember();
      stage.plays(sessionId, { type: "look", once: new Promise(() => undefined) });
      await stage.host.post(promptTo(sessionId, "Never ends."));
      await stage.eventually(async () => expect(await lists(stage, sessionId)).toHaveLength(1));
      expect(await stage.host.lastTurn(sessionId, stage.directory)).toMatchObject({ activity: "busy" });
      await stage.host.abort(sessionId, stage.directory);
      expect(await stage.host.lastTurn(sessionId, stage.directory)).toMatchObject({
        activity: "idle",
        step: { completed: true, error: { name: "MessageAbortedError" } },
      });
    });
  });

  describe("a compaction", () => {
    keeps("announces its one list, and hides what stands before it", async (stage) => {
      const sessionId = await stage.openMember();
      const before = promptTo(sessionId, "Before.");
      await stage.host.post(before);
      await settled(stage, sessionId, 1);
      await stage.compact(sessionId);
      await settled(stage, sessionId, 2);
      const after = promptTo(sessionId, "After.");
      await stage.host.post(after);
      await settled(stage, sessionId, 3);

      const told = (await stage.facts(sessionId)).map(({ type }) => type);
      expect(told.filter((type) => type === "list_shown" || type === "compaction_started")).toEqual([
        "list_shown",
        "compaction_started",
        "list_shown",
        "list_shown",
      ]);
      expect((await marksShown(stage, sessionId)).at(-1)).toEqual([after.mark]);
      // The summary is the newest step in the list that follows it, and no answer.
      const entries = (await stage.host.transcript(sessionId)) ?? [];
      const summary = entries.find((entry) => entry.summary);
      const last = (await lists(stage, sessionId)).at(-1);
      expect(last?.lastStepId).toBe(summary?.hostMessageId ?? "");
      expect(last?.lastStepAnswered).toBeUndefined();
      const boundary = entries.findIndex((entry) => entry.boundary);
      const place = entries.findIndex(({ hostMessageId }) => hostMessageId === before.hostMessageId);
      expect(place).toBeLessThan(boundary);
    });
  });
}
