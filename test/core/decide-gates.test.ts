import { describe, expect, test } from "bun:test";
import type { Command } from "../../src/core/commands.ts";
import type { Gate } from "../../src/core/facts.ts";
import { permission, Story } from "./decide-builders.ts";

const UNCHANGED = { kind: "unchanged" } as const;

describe("requests that only a person can decide", () => {
  const gateOpened = (participant: string, requestId: string) =>
    ({ type: "note_gate_opened", participant, gate: permission(requestId) }) as const;
  const gateClosed = (participant: string, requestId: string) =>
    ({ type: "note_gate_closed", participant, requestId }) as const;

  test("hold a member from the first that opens to the last that closes", () => {
    const story = Story.active(["ada"]);
    story.start("ada");
    const { effects } = story.accept(gateOpened("ada", "per_1"));
    expect(story.member("ada")).toMatchObject({
      status: "needs_approval",
      reason: "permission bash (rm -r build)",
    });
    expect(effects.find((effect) => effect.type === "show_toast")).toMatchObject({
      directory: "/project",
      level: "warning",
      text: "ada (explorers) asks: permission bash (rm -r build). Answer: flotilla answer ada once|always|reject",
    });
    story.accept(gateOpened("ada", "per_2"));
    story.accept(gateOpened("ada", "per_3"));
    expect(story.member("ada").reason).toBe("permission bash (rm -r build) and 2 more");
    expect(story.accept(gateClosed("ada", "per_1")).journal).toMatchObject([
      { event: "gate_closed", participant: "ada", requestId: "per_1", turn: 1 },
    ]);
    expect(story.member("ada").reason).toBe("permission bash (rm -r build) and 1 more");
    story.accept(gateClosed("ada", "per_3"));
    expect(story.member("ada")).toMatchObject({ status: "needs_approval", gates: [permission("per_2")] });
    story.accept(gateClosed("ada", "per_2"));
    expect(story.member("ada")).toMatchObject({ status: "working", gates: [] });
    expect(story.member("ada")).not.toHaveProperty("reason");
  });

  test("told twice, or closed when they are not open, are nothing", () => {
    for (const participant of ["ada", "lead"]) {
      const story = Story.active(["ada"]);
      story.start(participant);
      story.accept(gateOpened(participant, "per_1"));
      expect(story.decide(gateOpened(participant, "per_1"))).toEqual(UNCHANGED);
      expect(story.decide(gateClosed(participant, "per_2"))).toEqual(UNCHANGED);
      story.accept(gateClosed(participant, "per_1"));
      expect(story.decide(gateClosed(participant, "per_1"))).toEqual(UNCHANGED);
      expect(story.decide({ type: "note_gate_closed", participant })).toEqual(UNCHANGED);
    }
  });

  test("can all be closed at once", () => {
    for (const participant of ["ada", "lead"]) {
      const story = Story.active(["ada"]);
      story.start(participant);
      story.accept(gateOpened(participant, "per_1"));
      story.accept(gateOpened(participant, "per_2"));
      story.accept({ type: "note_gate_closed", participant });
      const gates = participant === "lead" ? story.state.lead.gates : story.member("ada").gates;
      expect(gates).toEqual([]);
    }
  });

  test("of the lead raise no toast: its person sees them", () => {
    const story = Story.active(["ada"]);
    expect(story.accept(gateOpened("lead", "per_1")).effects).toMatchObject([
      { type: "append_journal", entry: { event: "gate_opened", participant: "lead" } },
    ]);
    expect(story.state.lead.gates).toEqual([permission("per_1")]);
  });

  test("name a question by its text", () => {
    const story = Story.active(["ada"]);
    story.start("ada");
    const gate = { kind: "question", requestId: "q", subject: "Way", detail: "left?", openedAt: 1 } as const;
    story.accept({ type: "note_gate_opened", participant: "ada", gate });
    expect(story.member("ada").reason).toBe("question: left?");
  });

  test("are gone when the turn is over, however it ended", () => {
    for (const outcome of ["ended", "failed", "aborted"] as const) {
      const story = Story.active(["ada"]);
      story.start("ada");
      story.accept(gateOpened("ada", "per_1"));
      story.settle("ada", { outcome });
      expect(story.member("ada").gates).toEqual([]);
      expect(story.member("ada").status).toBe(outcome === "ended" ? "waiting" : "interrupted");
    }
  });

  test("are a sign of work: a turn that began unnoticed is one that can end", () => {
    for (const prepare of [
      (): void => undefined,
      (story: Story): void => {
        story.start("ada");
        story.settle("ada", { outcome: "failed" });
      },
    ]) {
      const story = Story.active(["ada"]);
      prepare(story);
      story.accept(gateOpened("ada", "per_1"));
      expect(story.member("ada").turn).toEqual({ startedAt: story.now, cause: "foreign", reported: false });
      story.accept(gateClosed("ada", "per_1"));
      story.settle("ada", { text: "done" });
      expect(story.member("ada").status).toBe("waiting");
    }
  });

  test("do not replace the turn that they hold", () => {
    const story = Story.active(["ada"]);
    story.start("ada", "brief");
    const { turn } = story.member("ada");
    story.accept(gateOpened("ada", "per_1"));
    expect(story.member("ada").turn).toEqual(turn);
  });

  test("of a member that has ended are nothing", () => {
    const story = Story.active(["ada"]);
    story.accept(story.deleted("ses_ada_1"));
    expect(story.decide(gateOpened("ada", "per_1"))).toEqual(UNCHANGED);
    expect(story.decide(gateOpened("nobody", "per_1"))).toEqual(UNCHANGED);
    expect(story.decide(gateClosed("nobody", "per_1"))).toEqual(UNCHANGED);
  });

  test("say how they are answered, if a command can", () => {
    const toastOf = (gate: Gate): string | undefined => {
      const story = Story.active(["ada"]);
      story.start("ada");
      const { effects } = story.accept({ type: "note_gate_opened", participant: "ada", gate });
      return effects.flatMap((effect) => (effect.type === "show_toast" ? [effect.text] : []))[0];
    };
    expect(toastOf(permission("per_1"))).toEndWith(" Answer: flotilla answer ada once|always|reject");
    expect(toastOf({ ...permission("q"), kind: "question", detail: "left?" })).toBe(
      "ada (explorers) asks: question: left?. It is answered in OpenCode's view of that session.",
    );
  });
});

describe("a person's answer", () => {
  const held = (): Story => {
    const story = Story.active(["ada"]);
    story.start("ada");
    story.accept({ type: "note_gate_opened", participant: "ada", gate: permission("per_1") });
    return story;
  };

  test("is handed over by the owner, and holds the member until the host has taken it", () => {
    const story = held();
    const answer = { requestId: "per_1", reply: "reject", message: "Use git mv." } as const;
    const { effects, journal } = story.accept({ type: "answer_gate", participant: "ada", ...answer });
    expect(effects.find(({ type }) => type === "answer_permission")).toMatchObject({
      participant: "ada",
      ...answer,
    });
    expect(journal).toMatchObject([
      { event: "gate_answered", member: "ada", permission: "bash", by: "person" },
    ]);
    // What the person says is for the member: the journal has no message's text.
    expect(JSON.stringify(journal)).not.toContain("git mv");
    expect(story.member("ada").status).toBe("needs_approval");
  });

  test("may be to the lead, and to a subagent of a member's", () => {
    const story = held();
    const below = { ...permission("per_2"), sessionId: "ses_below" };
    story.accept({ type: "note_gate_opened", participant: "ada", gate: below });
    story.accept({ type: "note_gate_opened", participant: "lead", gate: permission("per_3") });
    for (const [participant, requestId] of [
      ["ada", "per_2"],
      ["lead", "per_3"],
    ] as const) {
      const { effects } = story.accept({ type: "answer_gate", participant, requestId, reply: "once" });
      expect(effects.find(({ type }) => type === "answer_permission")).toMatchObject({
        participant,
        requestId,
      });
    }
  });

  test("to what nobody waits for, or to a question, is refused with the reason", () => {
    const story = held();
    const answer = (participant: string, requestId: string) =>
      story.refuse({ type: "answer_gate", participant, requestId, reply: "once" });
    expect(answer("ada", "per_9")).toMatchObject({ code: "request_unknown" });
    expect(answer("lead", "per_1")).toMatchObject({ code: "request_unknown" });
    expect(answer("constructor", "per_1")).toMatchObject({ code: "request_unknown" });
    const question: Gate = { ...permission("q"), kind: "question", detail: "left?" };
    story.accept({ type: "note_gate_opened", participant: "ada", gate: question });
    expect(answer("ada", "q")).toMatchObject({
      code: "argument_invalid",
      message: "ada asks a question (left?), which takes more than once for an answer",
    });
  });
});

describe("without asking anybody", () => {
  type Asked = Omit<Extract<Command, { type: "note_gate_opened" }>, "type" | "participant" | "gate">;
  const ask = (story: Story, gate: Gate, how: Asked = {}): readonly string[] =>
    story.accept({ type: "note_gate_opened", participant: "ada", gate, ...how }).effects.flatMap((effect) => {
      if (effect.type === "show_toast") return ["toast"];
      return effect.type === "answer_permission" ? [`${effect.reply} ${effect.message ?? ""}`.trim()] : [];
    });
  const working = (directory: string): Story => {
    const story = Story.active(["ada"]);
    story.patch("ada", { directory });
    story.start("ada");
    return story;
  };

  test("a member that repeats itself is told so twice, then a person has to look", () => {
    const story = working("/project");
    const loop = (requestId: string): Gate => ({ ...permission(requestId), subject: "doom_loop" });
    for (const requestId of ["per_1", "per_2"]) {
      expect(ask(story, loop(requestId))).toEqual(["reject The same call was made three times in one step."]);
      expect(story.mail.at(-1)).toMatchObject({ to: "ada", body: expect.stringContaining("was dropped") });
      // Until the host has taken it, the member is held as by any other request.
      expect(story.member("ada").status).toBe("needs_approval");
      story.accept({ type: "note_gate_closed", participant: "ada", requestId });
    }
    expect(ask(story, loop("per_3"))).toEqual(["toast"]);
    expect(story.member("ada").status).toBe("needs_approval");
  });

  test("a member is not told that it repeats itself where its subagent does: the call of that fails, and says so", () => {
    const story = working("/project");
    const before = story.mail.length;
    const loop: Gate = { ...permission("per_1"), subject: "doom_loop", sessionId: "ses_helper" };
    expect(ask(story, loop)).toEqual(["reject The same call was made three times in one step."]);
    expect(story.mail).toHaveLength(before);
    expect(story.member("ada")).toMatchObject({ loops: 1 });
  });

  test("what a member in another directory asks is answered where nobody is there, and nothing else is", () => {
    expect(ask(working("/worktree"), permission("per_1"), { unattended: "reject" })).toEqual([
      expect.stringMatching(/^reject Nobody is there/),
    ]);
    expect(ask(working("/worktree"), permission("per_1"), { unattended: "allow" })).toEqual(["once"]);
    // In the lead's directory the host's own command answers; with a person there, nobody but the person does.
    expect(ask(working("/project"), permission("per_1"), { unattended: "reject" })).toEqual(["toast"]);
    expect(ask(working("/worktree"), permission("per_1"))).toEqual(["toast"]);
    const question: Gate = { ...permission("q"), kind: "question" };
    expect(ask(working("/worktree"), question, { unattended: "reject" })).toEqual(["toast"]);
  });
});
