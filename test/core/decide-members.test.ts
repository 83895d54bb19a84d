import { describe, expect, test } from "bun:test";
import type { TurnCause } from "../../src/core/run.ts";
import { LAST_WORD_MAX_CHARS } from "../../src/core/wording.ts";
import { draft, LIMITS, letters, memberPlan, permission, Story, send } from "./decide-builders.ts";

const UNCHANGED = { kind: "unchanged" } as const;

describe("a turn that ended well", () => {
  const OWED: Record<TurnCause, boolean> = {
    lead: true,
    person: true,
    brief: true,
    peer: false,
    notice: false,
    foreign: false,
  };
  for (const [cause, owed] of Object.entries(OWED)) {
    test(`and began from ${cause} ${owed ? "owes the lead" : "owes nobody"} its last word`, () => {
      const story = Story.active(["ada"]);
      story.start("ada", cause as TurnCause);
      const { mail } = story.settle("ada", { stepId: "msg_7", text: "It is done." });
      expect(letters(mail)).toEqual(owed ? ["final_report ada>lead"] : []);
      if (owed) expect(mail[0]).toMatchObject({ messageId: "report_msg_7", body: "It is done." });
      expect(story.member("ada")).toMatchObject({ status: "waiting", usage: { turns: 1 } });
      expect(story.member("ada")).not.toHaveProperty("turn");
    });
  }

  test("owes nothing if it said nothing", () => {
    for (const text of ["", " \n\t"]) {
      const story = Story.active(["ada"]);
      story.start("ada");
      expect(story.settle("ada", { text }).mail).toEqual([]);
    }
  });

  test("owes nothing if the lead has heard from it in this turn, by name or with everybody", () => {
    for (const to of ["lead", "*"]) {
      const story = Story.active(["ada", "bo"], {
        team: { name: "t", source: "inline", allowMemberBroadcast: true },
      });
      story.start("ada");
      story.accept(send("ada", to));
      expect(story.settle("ada", { text: "bye" }).mail).toEqual([]);
    }
  });

  test("still owes it after mail to another member, or to the lead in the turn before", () => {
    const story = Story.active(["ada", "bo"]);
    story.start("ada");
    story.accept(send("ada", "lead"));
    story.settle("ada", { stepId: "msg_1", text: "one" });
    story.start("ada");
    story.accept(send("ada", "bo"));
    expect(letters(story.settle("ada", { stepId: "msg_2", text: "two" }).mail)).toEqual([
      "final_report ada>lead",
    ]);
  });

  test("that goes on without a rest ends all the same: its word is told, and the next turn owes its own", () => {
    const story = Story.active(["ada"]);
    story.start("ada", "lead");
    story.accept(send("ada", "lead"));
    const first = story.settle("ada", { stepId: "msg_1", text: "one", next: "lead" });
    expect(letters(first.mail)).toEqual([]);
    expect(story.member("ada")).toMatchObject({ status: "working", usage: { turns: 1 } });
    const second = story.settle("ada", { stepId: "msg_2", text: "two", next: "peer" });
    expect(second.mail).toMatchObject([{ kind: "final_report", messageId: "report_msg_2", body: "two" }]);
    expect(story.member("ada").turn).toEqual({ startedAt: story.now, cause: "peer", reported: false });
    expect(story.settle("ada", { stepId: "msg_3", text: "three" }).mail).toEqual([]);
    expect(story.member("ada")).toMatchObject({ status: "waiting", usage: { turns: 3 } });
  });

  test("that goes on without a rest keeps a member whose end was approved until it rests", () => {
    const story = Story.active(["ada"]);
    story.start("ada");
    story.accept({ type: "request_shutdown", by: "lead", member: "ada" });
    story.approve("ada", "ada");
    story.settle("ada", { next: "lead" });
    expect(story.member("ada").status).toBe("working");
    story.settle("ada");
    expect(story.member("ada")).toMatchObject({ status: "done", reason: "shut down" });
  });

  test("is told once, however often its end is told", () => {
    const story = Story.active(["ada"]);
    story.start("ada");
    story.settle("ada", { text: "done" });
    expect(story.decide(story.settled("ada", { text: "done" }))).toEqual(UNCHANGED);
    expect(story.decide(story.settled("ada", { outcome: "failed" }))).toEqual(UNCHANGED);
  });

  test("quotes a long last word up to its bound, and says where the rest is", () => {
    const story = Story.active(["ada"]);
    story.start("ada");
    const text = `${"a".repeat(LAST_WORD_MAX_CHARS)}b`;
    const [report] = story.settle("ada", { text }).mail;
    expect(report?.body).toBe(
      `${"a".repeat(LAST_WORD_MAX_CHARS)}\n[cut after 8000 of 8001 characters; the whole text is in session ses_ada_1]`,
    );
  });

  test("ends the wait after errors, and their count", () => {
    const story = Story.active(["ada"]);
    story.start("ada");
    story.settle("ada", { outcome: "failed", fault: { name: "APIError", message: "overloaded" } });
    expect(story.member("ada")).toHaveProperty("backoff");
    expect(story.member("ada")).toHaveProperty("lastFault");
    story.start("ada");
    story.settle("ada");
    expect(story.member("ada")).not.toHaveProperty("backoff");
    expect(story.member("ada")).not.toHaveProperty("lastFault");
    expect(story.member("ada")).not.toHaveProperty("reason");
  });
});

describe("a turn that failed", () => {
  const fault = { name: "APIError", message: "overloaded", statusCode: 529 };

  test("leaves the member interrupted with its fault and tells the lead", () => {
    const story = Story.active(["ada"]);
    story.start("ada");
    const { mail } = story.settle("ada", { outcome: "failed", fault, stepId: "msg_9", unanswered: 1 });
    expect(story.member("ada")).toMatchObject({
      status: "interrupted",
      reason: "APIError: overloaded",
      lastFault: fault,
      usage: { turns: 1 },
      heldByPerson: false,
    });
    expect(letters(mail)).toEqual(["member_error system>lead"]);
    expect(mail[0]).toMatchObject({ messageId: "error_msg_9" });
    expect(mail[0]?.body).toContain("APIError: overloaded");
    expect(mail[0]?.body).toContain("is woken again by itself");
  });

  test("without a fault says that it ended without a result", () => {
    const story = Story.active(["ada"]);
    story.start("ada");
    const { mail } = story.settle("ada", { outcome: "failed", unanswered: 1 });
    expect(mail[0]?.body).toContain("it ended without a result");
    expect(story.member("ada")).not.toHaveProperty("lastFault");
  });

  test("wakes the member by a note to go on, unless mail that was not seen does so", () => {
    for (const [unanswered, mails] of [
      [0, ["member_error system>lead", "member_error system>ada"]],
      [2, ["member_error system>lead"]],
    ] as const) {
      const story = Story.active(["ada"]);
      story.start("ada");
      const { mail } = story.settle("ada", { outcome: "failed", fault, unanswered });
      expect(letters(mail)).toEqual([...mails]);
    }
  });

  test("because its process died is nothing that the member has failed at, however often", () => {
    const story = Story.active(["ada"]);
    for (let death = 0; death < 20; death++) {
      story.start("ada");
      const { mail } = story.settle("ada", { outcome: "failed", abandoned: true });
      expect(letters(mail)).toEqual(["member_error system>lead", "member_error system>ada"]);
      expect(mail[0]?.body).not.toContain("in a row");
      expect(story.member("ada").backoff).toEqual({ failures: 0, until: story.now + 500 });
    }
  });

  test("is followed by waits that double from 1 s to 60 s, each between half and all of it", () => {
    for (const jitter of [0, 0.5, 1]) {
      const story = Story.active(["ada"]);
      const waits: number[] = [];
      for (let failures = 1; failures <= 9; failures++) {
        story.start("ada");
        story.settle("ada", { outcome: "failed", stepId: `msg_${failures}`, jitter });
        const { backoff } = story.member("ada");
        expect(backoff?.failures).toBe(failures);
        waits.push((backoff?.until ?? 0) - story.now);
      }
      const share = 0.5 + jitter / 2;
      expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000 * share));
    }
  });

  test("is told to the lead; the eighth in a row is the last to wake the member", () => {
    const story = Story.active(["ada"]);
    const told: (readonly string[])[] = [];
    for (let failures = 1; failures <= 9; failures++) {
      story.start("ada");
      told.push(letters(story.settle("ada", { outcome: "failed", stepId: `msg_${failures}` }).mail));
    }
    const goOn = "member_error system>ada";
    const lead = "member_error system>lead";
    expect(told).toEqual([...Array.from({ length: 7 }, () => [lead, goOn]), [lead], [lead]]);
    expect(story.mail.filter(({ to }) => to === "lead").map(({ body }) => body)[7]).toBe(
      "ada failed 8 turns in a row (the last one: it ended without a result) and is not woken any more by itself. A message from you wakes it; or shut it down and add another member.",
    );
  });

  test("ends its wait by mail of the lead or a person, or a prompt of a person, not by mail of a peer", () => {
    const failed = (): Story => {
      const story = Story.active(["ada", "bo"]);
      story.start("ada");
      story.settle("ada", { outcome: "failed" });
      return story;
    };
    for (const [by, ends] of [
      ["lead", true],
      ["person", true],
      ["bo", false],
    ] as const) {
      const story = failed();
      story.accept(send(by, "ada"));
      expect(story.member("ada").backoff === undefined).toBe(ends);
    }
    const story = failed();
    story.accept({ type: "note_prompted", participant: "ada" });
    expect(story.member("ada")).not.toHaveProperty("backoff");
    expect(story.decide({ type: "note_prompted", participant: "ada" })).toEqual(UNCHANGED);
  });

  test("keeps the member's tasks", () => {
    const story = Story.active(["ada"], { tasks: [draft("map it", { owner: "ada" })] });
    story.update("ada", 1, { status: "in_progress" });
    story.start("ada");
    story.settle("ada", { outcome: "failed" });
    expect(story.member("ada").tasks).toEqual([1]);
    expect(story.book.get(1)).toMatchObject({ status: "in_progress", owner: "ada" });
  });
});

describe("a turn that a person stopped", () => {
  const stopped = (): Story => {
    const story = Story.active(["ada", "bo"]);
    story.start("ada");
    story.settle("ada", { outcome: "aborted", stepId: "msg_3" });
    return story;
  };

  test("holds the member and tells the lead, and no one else", () => {
    const story = stopped();
    expect(story.member("ada")).toMatchObject({
      status: "interrupted",
      reason: "stopped by a person",
      heldByPerson: true,
    });
    expect(letters(story.mail.slice(2))).toEqual(["member_error system>lead"]);
    expect(story.mail[2]).toMatchObject({ messageId: "error_msg_3" });
    expect(story.member("ada")).not.toHaveProperty("backoff");
  });

  test("goes on by mail of the lead or a person, a request of the lead, or a prompt, not by a peer's", () => {
    for (const [command, ends] of [
      [send("lead", "ada"), true],
      [send("lead", "*"), true],
      [send("person", "ada", { kind: "person" }), true],
      [send("bo", "ada"), false],
      [{ type: "request_shutdown", by: "lead", member: "ada" }, true],
      [{ type: "request_shutdown", by: "ada", member: "ada" }, false],
      [{ type: "note_prompted", participant: "ada" }, true],
    ] as const) {
      const story = stopped();
      story.accept(command);
      expect(story.member("ada").heldByPerson).toBe(!ends);
    }
  });

  test("of the lead holds the lead until a person speaks to it", () => {
    for (const command of [
      { type: "note_prompted", participant: "lead" },
      send("person", "lead", { kind: "person" }),
    ] as const) {
      const story = Story.active(["ada"]);
      story.start("lead", "foreign");
      story.settle("lead", { outcome: "aborted" });
      expect(story.state.lead).toMatchObject({ heldByPerson: true });
      story.accept(send("ada", "lead"));
      expect(story.state.lead.heldByPerson).toBe(true);
      story.accept(command);
      expect(story.state.lead.heldByPerson).toBe(false);
    }
  });
});

describe("a turn of the lead", () => {
  test("is noted from its start to its end, and owes nobody anything", () => {
    const story = Story.active(["ada"]);
    story.start("lead", "foreign");
    expect(story.state.lead.turn).toEqual({ startedAt: story.now, cause: "foreign", reported: false });
    expect(story.decide({ type: "note_turn_started", participant: "lead", cause: "peer" })).toEqual(
      UNCHANGED,
    );
    expect(story.settle("lead", { text: "all done" }).mail).toEqual([]);
    expect(story.state.lead).not.toHaveProperty("turn");
    expect(story.decide(story.settled("lead"))).toEqual(UNCHANGED);
  });

  test("in which it got no tools is followed by one that tells of them, once", () => {
    const lead = { sessionId: "ses_lead", directory: "/project", deniedTools: [], toolsPending: true };
    const story = Story.active(["ada"], { lead });
    const { mail } = story.settle("lead");
    expect(letters(mail)).toEqual(["brief system>lead"]);
    expect(mail[0]?.body).toContain("Your team tools are available from this turn on");
    expect(story.state.lead.toolsPending).toBe(false);
    expect(story.decide(story.settled("lead"))).toEqual(UNCHANGED);
  });

  test("that the person stopped is not followed by one of ours", () => {
    const lead = { sessionId: "ses_lead", directory: "/project", deniedTools: [], toolsPending: true };
    const story = Story.active(["ada"], { lead });
    expect(story.settle("lead", { outcome: "aborted" }).mail).toEqual([]);
    expect(story.state.lead).toMatchObject({ deniedTools: [], toolsPending: false, heldByPerson: true });
  });
});

describe("a turn of the lead that a crash cut off", () => {
  test("is gone on with if mail began it and was answered, and nothing else will start one", () => {
    for (const [cause, command, mails] of [
      ["notice", { outcome: "failed", abandoned: true }, ["member_error system>lead"]],
      ["peer", { outcome: "failed", abandoned: true, unanswered: 1 }, []],
      ["peer", { outcome: "ended", abandoned: true }, []],
      ["peer", { outcome: "failed" }, []],
      ["foreign", { outcome: "failed", abandoned: true }, []],
    ] as const) {
      const story = Story.active(["ada"]);
      story.start("lead", cause);
      expect([cause, command, letters(story.settle("lead", command).mail)]).toEqual([
        cause,
        command,
        [...mails],
      ]);
    }
  });
});

describe("a turn's beginning", () => {
  test("told twice is one turn, with its first cause", () => {
    const story = Story.active(["ada"]);
    story.start("ada", "brief");
    const { turn } = story.member("ada");
    expect(story.decide({ type: "note_turn_started", participant: "ada", cause: "peer" })).toEqual(UNCHANGED);
    expect(turn).toEqual({ startedAt: story.now, cause: "brief", reported: false });
  });

  test("of somebody who is not there is nothing", () => {
    const story = Story.active(["ada"]);
    expect(story.decide({ type: "note_turn_started", participant: "constructor", cause: "lead" })).toEqual(
      UNCHANGED,
    );
  });
});

describe("a member's session that was deleted", () => {
  test("loses the member: its turn is stopped, its tasks return, the lead is told", () => {
    const story = Story.active(["ada"], { tasks: [draft("map it", { owner: "ada" })] });
    story.update("ada", 1, { status: "in_progress" });
    story.start("ada");
    story.accept({ type: "note_gate_opened", participant: "ada", gate: permission("per_1") });
    const { effects, mail } = story.accept(story.deleted("ses_ada_1"));
    expect(story.member("ada")).toMatchObject({
      status: "lost",
      reason: "its session was deleted",
      gates: [],
      heldByPerson: false,
      tasks: [],
    });
    expect(story.member("ada")).not.toHaveProperty("turn");
    expect(effects.find((effect) => effect.type === "abort_session")).toMatchObject({
      sessionId: "ses_ada_1",
    });
    expect(story.book.get(1)).toMatchObject({ status: "pending", generation: 1 });
    expect(letters(mail)).toEqual(["member_error system>lead"]);
    expect(story.decide(story.deleted("ses_ada_1"))).toEqual(UNCHANGED);
  });

  test("is nothing if it is nobody's, or the lead's, whose end is decided elsewhere", () => {
    const story = Story.active(["ada"]);
    expect(story.decide(story.deleted("ses_other"))).toEqual(UNCHANGED);
    expect(story.decide(story.deleted("ses_lead"))).toEqual(UNCHANGED);
  });

  test("is nothing for a member that is done", () => {
    const story = Story.active(["ada"]);
    story.accept({ type: "request_shutdown", by: "lead", member: "ada" });
    story.approve("lead", "ada");
    expect(story.decide(story.deleted("ses_ada_1"))).toEqual(UNCHANGED);
  });
});

describe("the handshake that ends a member", () => {
  const request = (by: string, member: string, reason?: string) =>
    ({ type: "request_shutdown", by, member, ...(reason === undefined ? {} : { reason }) }) as const;
  const reject = (by: string, member: string) =>
    ({ type: "reject_shutdown", by, member, reason: "not yet" }) as const;

  test("asked by the lead, reaches the member; asked by the member, the lead", () => {
    const story = Story.active(["ada", "bo"]);
    const asked = story.accept(request("lead", "ada", "all done"));
    expect(letters(asked.mail)).toEqual(["shutdown_request lead>ada"]);
    expect(asked.mail[0]?.body).toContain("Reason: all done");
    expect(asked.mail[0]?.body).toContain('team_approve_shutdown with memberName "ada"');
    expect(story.member("ada").shutdown).toEqual({
      status: "requested",
      requestedBy: "lead",
      reason: "all done",
      changedAt: story.now,
    });
    const own = story.accept(request("bo", "bo"));
    expect(letters(own.mail)).toEqual(["shutdown_request bo>lead"]);
    expect(story.member("bo").shutdown).not.toHaveProperty("reason");
  });

  test("asked again is nothing, by whomever, until it is rejected", () => {
    const story = Story.active(["ada"]);
    story.accept(request("lead", "ada"));
    expect(story.decide(request("lead", "ada"))).toEqual(UNCHANGED);
    expect(story.decide(request("ada", "ada"))).toEqual(UNCHANGED);
    story.accept(reject("ada", "ada"));
    expect(letters(story.accept(request("lead", "ada")).mail)).toEqual(["shutdown_request lead>ada"]);
  });

  test("approved without a turn, ends the member at once", () => {
    for (const prepare of [
      (): void => undefined,
      (story: Story): void => {
        story.start("ada");
        story.settle("ada", { outcome: "failed" });
      },
    ]) {
      const story = Story.active(["ada"]);
      prepare(story);
      story.accept(request("lead", "ada"));
      const { journal } = story.approve("ada", "ada");
      expect(story.member("ada")).toMatchObject({
        status: "done",
        reason: "shut down",
        shutdown: { status: "complete" },
      });
      expect(journal.map(({ event }) => event)).toEqual(["shutdown_approved", "member_done"]);
    }
  });

  test("approved in a turn, ends the member when the turn does, however it does", () => {
    const ENDS = {
      ended: ["final_report ada>lead"],
      failed: ["member_error system>lead"],
      aborted: ["member_error system>lead"],
    };
    for (const [outcome, mails] of Object.entries(ENDS)) {
      for (const held of [false, true]) {
        const story = Story.active(["ada"]);
        story.accept(request("lead", "ada"));
        story.start("ada");
        if (held) {
          story.accept({ type: "note_gate_opened", participant: "ada", gate: permission("per_1") });
        }
        const running = story.member("ada").status;
        story.approve("ada", "ada");
        expect(story.member("ada")).toMatchObject({ status: running, shutdown: { status: "approved" } });
        const { mail } = story.settle("ada", {
          outcome: outcome as keyof typeof ENDS,
          text: "That is all.",
        });
        expect(letters(mail)).toEqual(mails);
        expect(story.member("ada")).toMatchObject({
          status: "done",
          shutdown: { status: "complete" },
          heldByPerson: false,
          gates: [],
          usage: { turns: 1 },
        });
        expect(story.member("ada")).not.toHaveProperty("backoff");
        expect(story.member("ada")).not.toHaveProperty("turn");
        expect(mail[0]?.body).not.toContain("woken");
        expect(mail[0]?.body).not.toContain("goes on");
      }
    }
  });

  test("returns the tasks of the member that ended, and tells the lead who agreed", () => {
    const story = Story.active(["ada"], {
      tasks: [draft("a", { owner: "ada" }), draft("b", { owner: "ada" }), draft("c", { owner: "ada" })],
    });
    story.update("ada", 1, { status: "in_progress" });
    story.update("ada", 2, { status: "in_progress" });
    story.update("ada", 2, { status: "completed" });
    story.accept(request("lead", "ada"));
    const { mail } = story.approve("ada", "ada");
    expect(letters(mail)).toEqual(["shutdown_approved ada>lead"]);
    expect(mail[0]?.body).toContain("its open tasks return to the list");
    expect([...story.book.values()].map(({ status, owner }) => [status, owner])).toEqual([
      ["pending", undefined],
      ["completed", "ada"],
      ["pending", undefined],
    ]);
    expect(story.member("ada").tasks).toEqual([]);
  });

  test("that the lead approves is told to nobody: the member reads nothing any more", () => {
    const story = Story.active(["ada"]);
    story.accept(request("ada", "ada"));
    expect(story.approve("lead", "ada").mail).toEqual([]);
    expect(story.member("ada").status).toBe("done");
  });

  test("approved while a turn is on its way, ends the member with that turn, or when it does not come", () => {
    for (const comes of [true, false]) {
      const story = Story.active(["ada"]);
      story.accept(request("lead", "ada"));
      const { book } = story;
      story.accept({ type: "approve_shutdown", by: "lead", member: "ada", turnAhead: true, book });
      expect(story.member("ada")).toMatchObject({ status: "waiting", shutdown: { status: "approved" } });
      if (comes) {
        story.start("ada");
        expect(story.decide({ type: "note_at_rest", member: "ada", book })).toEqual(UNCHANGED);
        story.settle("ada");
      } else {
        story.accept({ type: "note_at_rest", member: "ada", book });
      }
      expect(story.member("ada")).toMatchObject({ status: "done", shutdown: { status: "complete" } });
    }
  });

  test("approved again is nothing, before and after the end", () => {
    const story = Story.active(["ada"]);
    story.start("ada");
    story.accept(request("lead", "ada"));
    story.approve("lead", "ada");
    const again = { type: "approve_shutdown", by: "lead", member: "ada", book: story.book } as const;
    expect(story.decide(again)).toEqual(UNCHANGED);
    story.settle("ada");
    expect(story.decide(again)).toEqual(UNCHANGED);
  });

  test("that was not asked for cannot be approved or rejected", () => {
    const story = Story.active(["ada"]);
    const approve = { type: "approve_shutdown", by: "lead", member: "ada", book: story.book } as const;
    expect(story.refuse(approve)).toEqual({
      code: "shutdown_not_requested",
      message: "nobody has asked ada to shut down",
      hint: 'Ask first with team_shutdown_request, targetMemberName "ada".',
      details: { member: "ada" },
    });
    expect(story.refuse(reject("ada", "ada"))).toMatchObject({
      code: "shutdown_not_requested",
      details: { member: "ada", status: "none" },
    });
  });

  test("that was approved cannot be rejected any more", () => {
    const story = Story.active(["ada"]);
    story.start("ada");
    story.accept(request("lead", "ada"));
    story.approve("ada", "ada");
    expect(story.refuse(reject("lead", "ada"))).toEqual({
      code: "shutdown_already_approved",
      message: "the shutdown of ada is approved already",
      hint: "Add a member of that name again with team_create if it is needed.",
      details: { member: "ada", status: "approved" },
    });
    story.settle("ada");
    expect(story.refuse(reject("lead", "ada")).code).toBe("shutdown_already_approved");
  });

  test("rejected, is over, and who asked hears why; taken back, whoever was asked", () => {
    for (const [asker, judge, mails] of [
      ["lead", "ada", ["shutdown_rejected ada>lead"]],
      ["ada", "lead", ["shutdown_rejected lead>ada"]],
      ["lead", "lead", ["shutdown_rejected lead>ada"]],
      ["ada", "ada", ["shutdown_rejected ada>lead"]],
    ] as const) {
      const story = Story.active(["ada"]);
      story.accept(request(asker, "ada"));
      const { mail, journal } = story.accept(reject(judge, "ada"));
      expect(letters(mail)).toEqual([...mails]);
      expect(mail[0]?.body).toContain(asker === judge ? "takes back" : "was rejected");
      expect(mail[0]?.body).toContain("not yet");
      expect(journal).toMatchObject([{ event: "shutdown_rejected", member: "ada", by: judge }]);
      expect(story.member("ada").shutdown).toEqual({ status: "none", changedAt: story.now });
    }
  });

  test("rejected for a member that is lost meanwhile is told to nobody who is gone", () => {
    const story = Story.active(["ada"]);
    story.accept(request("ada", "ada"));
    story.accept(story.deleted("ses_ada_1"));
    expect(story.accept(reject("lead", "ada")).mail).toEqual([]);
  });

  test("approved for a member that is lost meanwhile puts an end to its name", () => {
    const story = Story.active(["ada"]);
    story.accept(request("lead", "ada"));
    story.accept(story.deleted("ses_ada_1"));
    story.approve("lead", "ada");
    expect(story.member("ada").status).toBe("done");
  });

  test("is for the member and the lead alone, and for members that are there", () => {
    const story = Story.active(["ada", "bo"]);
    story.accept(request("lead", "ada"));
    for (const type of ["request_shutdown", "approve_shutdown", "reject_shutdown"] as const) {
      const command = (by: string, member: string) =>
        ({ type, by, member, reason: "so", book: story.book }) as const;
      expect(story.refuse(command("bo", "ada"))).toEqual({
        code: "not_allowed",
        message: "bo may not decide about ada",
        hint: "Only ada itself or the lead may. Write to the lead with team_send_message.",
        details: { by: "bo", member: "ada" },
      });
      expect(story.refuse(command("lead", "bob"))).toEqual({
        code: "member_unknown",
        message: 'member "bob" is unknown in run run_1; participants are lead, ada, bo',
        hint: "Call team_status to see who is there.",
        details: { member: "bob" },
      });
      expect(story.refuse(command("lead", "toString")).code).toBe("member_unknown");
    }
  });

  test("cannot be begun for a member that has ended", () => {
    const story = Story.active(["ada"]);
    story.accept(story.deleted("ses_ada_1"));
    expect(story.refuse(request("lead", "ada"))).toEqual({
      code: "member_ended",
      message: "ada is lost already",
      hint: "Nothing is left to do for it.",
      details: { member: "ada" },
    });
  });

  test("ends a member that is still starting, and no session is opened for it any more", () => {
    const story = Story.active(["ada"]);
    story.accept({ type: "add_members", by: "lead", plans: [memberPlan("bo")] });
    story.accept(request("lead", "bo"));
    story.approve("lead", "bo");
    expect(story.member("bo").status).toBe("done");
    expect(story.state.outbox.filter(({ type }) => type === "open_session")).toEqual([]);
  });
});

describe("tasks and those who work on them", () => {
  test("tell a member what is given to it and taken from it, and the lead what becomes ready", () => {
    const story = Story.active(["ada", "bo"], {
      tasks: [draft("first"), draft("second", { blockedByDraft: [0] })],
    });
    expect(letters(story.update("lead", 1, { owner: "ada" }).mail)).toEqual(["task system>ada"]);
    expect(letters(story.update("lead", 1, { owner: "bo" }).mail)).toEqual([
      "task system>ada",
      "task system>bo",
    ]);
    expect(story.update("bo", 1, { status: "in_progress" }).mail).toEqual([]);
    expect(story.member("bo").tasks).toEqual([1]);
    expect(letters(story.update("bo", 1, { status: "completed" }).mail)).toEqual(["task system>lead"]);
    expect(story.mail.at(-1)?.body).toContain("#2 second");
    expect(story.member("bo").tasks).toEqual([]);
  });

  test("tell the owner of a task that became ready, or the lead if the owner reads nothing any more", () => {
    const story = Story.active(["ada", "bo"], {
      tasks: [
        draft("first", { owner: "bo" }),
        draft("second", { owner: "ada", blockedByDraft: [0] }),
        draft("third", { owner: "bo" }),
        draft("fourth", { owner: "ada", blockedByDraft: [2] }),
      ],
    });
    story.update("bo", 1, { status: "in_progress" });
    expect(letters(story.update("bo", 1, { status: "completed" }).mail)).toEqual(["task system>ada"]);
    story.start("ada");
    story.accept({ type: "request_shutdown", by: "lead", member: "ada" });
    story.approve("lead", "ada");
    story.update("bo", 3, { status: "in_progress" });
    expect(letters(story.update("bo", 3, { status: "completed" }).mail)).toEqual(["task system>lead"]);
    expect(story.update("lead", 4, { owner: "bo" }).mail.map(({ to }) => to)).toEqual(["bo"]);
  });

  test("are not for a member that has ended since it asked", () => {
    const story = Story.active(["ada"], { tasks: [draft("a")] });
    story.accept(story.deleted("ses_ada_1"));
    const take = { type: "update_task", by: "ada", taskId: 1, change: { status: "claimed" } } as const;
    expect(story.refuse({ ...take, book: story.book })).toEqual({
      code: "member_ended",
      message: "ada is lost and may ask nothing of run run_1 any more",
      hint: "Your part is over: end your turn.",
      details: { member: "ada" },
    });
    expect(story.refuse({ ...take, by: "eve", book: story.book }).message).toStartWith("eve is gone");
  });

  test("can be the lead's own", () => {
    const story = Story.active(["ada"]);
    story.accept({ type: "create_tasks", by: "ada", drafts: [draft("x")], book: story.book });
    story.update("lead", 1, { owner: "lead", status: "in_progress" });
    expect(story.state.lead.tasks).toEqual([1]);
    story.update("lead", 1, { status: "pending" });
    expect(story.state.lead.tasks).toEqual([]);
  });

  test("are numbered through the run's life", () => {
    const story = Story.active(["ada"], { tasks: [draft("a"), draft("b")], limits: LIMITS });
    story.accept({ type: "create_tasks", by: "ada", drafts: [draft("c"), draft("d")], book: story.book });
    expect([...story.book.keys()]).toEqual([1, 2, 3, 4]);
    expect(story.state.tasks).toBe(4);
  });

  test("leave the run alone when an update says what is so already, or may not be", () => {
    const story = Story.active(["ada", "bo"], { tasks: [draft("a")] });
    story.update("ada", 1, { status: "claimed" });
    const update = (by: string, status: "claimed") =>
      ({ type: "update_task", by, taskId: 1, change: { status }, book: story.book }) as const;
    expect(story.decide(update("ada", "claimed"))).toEqual(UNCHANGED);
    expect(story.refuse(update("bo", "claimed")).code).toBe("task_taken");
  });
});
