import { describe, expect, test } from "bun:test";
import { draft, LIMITS, letters, memberPlan, Story, send } from "./decide-builders.ts";

const SPEAKING = { name: "t", source: "inline", allowMemberBroadcast: true } as const;

describe("sending", () => {
  test("writes one record for its recipient, with all that was given and nothing else", () => {
    const story = Story.active(["ada", "bo"]);
    const command = send("ada", "bo", {
      messageId: "mail_x",
      kind: "announcement",
      body: "see there",
      summary: "where",
      references: [{ path: "a.md" }],
      correlationId: "q-1",
      unreadBytes: { bo: 10 },
    });
    const { mail, journal } = story.accept(command);
    expect(mail).toEqual([
      {
        version: 1,
        messageId: "mail_x",
        runId: "run_1",
        from: "ada",
        to: "bo",
        kind: "announcement",
        body: "see there",
        summary: "where",
        references: [{ path: "a.md" }],
        correlationId: "q-1",
        createdAt: story.now,
        seq: 3,
      },
    ]);
    expect(Object.keys(story.accept(send("ada", "bo")).mail[0] ?? {}).toSorted()).toEqual([
      "body",
      "createdAt",
      "from",
      "kind",
      "messageId",
      "runId",
      "seq",
      "to",
      "version",
    ]);
    expect(journal).toEqual([
      {
        revision: story.state.revision - 1,
        index: 0,
        at: story.now - 1,
        event: "message_sent",
        messageId: "mail_x",
        from: "ada",
        to: ["bo"],
        kind: "announcement",
        bytes: 9,
      },
    ]);
  });

  test("reaches a member in whatever live state it is", () => {
    const story = Story.active(["ada", "bo", "cy"]);
    story.accept({ type: "add_members", by: "lead", plans: [memberPlan("di")] });
    story.start("ada");
    story.start("bo");
    story.settle("bo", { outcome: "aborted" });
    story.accept({ type: "request_shutdown", by: "lead", member: "cy" });
    for (const to of ["ada", "bo", "cy", "di"]) {
      expect(letters(story.accept(send("lead", to)).mail)).toEqual([`message lead>${to}`]);
    }
  });

  test("to oneself is refused", () => {
    const story = Story.active(["ada"]);
    for (const by of ["ada", "lead"]) {
      expect(story.refuse(send(by, by))).toEqual({
        code: "recipient_self",
        message: `"${by}" is the sender itself`,
        hint: "Name another participant.",
        details: { to: by },
      });
    }
  });

  test("to somebody unknown is refused with the names there are, also for names of the language", () => {
    const story = Story.active(["ada", "bo"]);
    expect(story.refuse(send("ada", "bob"))).toEqual({
      code: "member_unknown",
      message: 'member "bob" is unknown in run run_1; participants are lead, ada, bo',
      hint: "Call team_status to see who is there.",
      details: { to: "bob", participants: ["lead", "ada", "bo"] },
    });
    for (const to of ["constructor", "__proto__", "system", "person", "", "Ada", "../ada"]) {
      expect(story.refuse(send("ada", to)).code).toBe("member_unknown");
    }
  });

  test("to a member that has ended, or whose end is decided, is refused with how it stands", () => {
    const story = Story.active(["ada", "bo", "cy", "di"]);
    story.accept(story.deleted("ses_ada_1"));
    story.accept({ type: "request_shutdown", by: "lead", member: "bo" });
    story.approve("lead", "bo");
    story.start("cy");
    story.accept({ type: "request_shutdown", by: "lead", member: "cy" });
    story.approve("cy", "cy");
    story.accept({ type: "add_members", by: "lead", plans: [memberPlan("eve")] });
    story.spawnFailed("eve", "no agent");
    for (const [to, why, status] of [
      ["ada", "is lost", "lost"],
      ["bo", "is done", "done"],
      ["cy", "is about to shut down", "working"],
      ["eve", "is failed", "failed"],
    ] as const) {
      expect(story.refuse(send("lead", to))).toEqual({
        code: "member_ended",
        message: `member "${to}" ${why} and takes no more mail`,
        hint: "Write to another participant, or let the lead add a member of that name again with team_create.",
        details: { to, status },
      });
    }
  });

  test("without text is refused", () => {
    const story = Story.active(["ada"]);
    for (const body of ["", " ", "\n\t "]) {
      expect(story.refuse(send("lead", "ada", { body }))).toEqual({
        code: "body_empty",
        message: "the message has no text",
        hint: "Put what you want to say into body.",
      });
    }
  });

  test("more than a message may hold is refused with the figures, in bytes of UTF-8", () => {
    const story = Story.active(["ada"], { limits: { ...LIMITS, messageMaxBytes: 10 } });
    for (const [body, bytes] of [
      ["12345678901", 11],
      ["ééééé1", 11],
      ["😀😀€", 11],
    ] as const) {
      expect(story.refuse(send("lead", "ada", { body }))).toEqual({
        code: "body_too_large",
        message: `the body has ${bytes} bytes; at most 10 are allowed`,
        hint: "Write the long part to a file and point at it with references.",
        details: { bytes, limit: 10 },
      });
    }
    for (const body of ["1234567890", "ééééé", "😀😀12"]) {
      expect(story.decide(send("lead", "ada", { body })).kind).toBe("accepted");
    }
  });

  test("beside the body more than a line and some paths is refused: it would pass every quota", () => {
    const story = Story.active(["ada"]);
    const reference = { path: "p".repeat(1_000), description: "d".repeat(1_000) };
    const header = { summary: "é".repeat(500), correlationId: "c".repeat(1_096), references: [reference] };
    expect(story.decide(send("lead", "ada", header)).kind).toBe("accepted");
    for (const longer of [
      { summary: `${header.summary}x` },
      { correlationId: `${header.correlationId}x` },
      { references: [reference, { path: "x" }] },
    ]) {
      expect(story.refuse(send("lead", "ada", { ...header, ...longer }))).toEqual({
        code: "header_too_large",
        message: "summary, correlationId and references have 4097 bytes; at most 4096 are allowed",
        hint: "Say it in body; summary is one line, and references point at files.",
        details: { bytes: 4_097, limit: 4_096 },
      });
    }
  });

  test("more than an inbox may hold is refused with the figures, what is on its way included", () => {
    const story = Story.active(["ada"], { limits: { ...LIMITS, unreadMaxBytes: 100 } });
    const body = "12345";
    expect(story.decide(send("lead", "ada", { body, unreadBytes: { ada: 95 } })).kind).toBe("accepted");
    expect(story.refuse(send("lead", "ada", { body, unreadBytes: { ada: 96 } }))).toEqual({
      code: "inbox_full",
      message: "ada has 96 bytes of unread mail; 5 more would exceed 100",
      hint: "Wait until ada has read its mail, or send less. Nothing was sent to anybody.",
      details: { recipient: "ada", waiting: 96, bytes: 5, limit: 100 },
    });
  });

  test("more messages than the run may have is refused with the figures", () => {
    const story = Story.active(["ada"], { limits: { ...LIMITS, maxMessages: 3 } });
    story.set({ messages: 5, notices: 2 });
    expect(story.refuse(send("lead", "ada"))).toEqual({
      code: "message_budget_spent",
      message: "3 of 3 messages of this run are used and this would take 1 more",
      hint: "Finish with what there is, or ask the person to raise max_messages_per_run with `flotilla limit`.",
      details: { used: 3, limit: 3 },
    });
  });

  test("that is refused leaves the quotas and the run as they were", () => {
    const story = Story.active(["ada"]);
    const before = story.state;
    story.refuse(send("lead", "nobody"));
    expect(story.accept(send("lead", "ada")).mail[0]?.seq).toBe(before.messages + 1);
  });
});

describe("addressing everyone", () => {
  test("reaches all who live but the sender, each with the one id and a seq of its own", () => {
    const story = Story.active(["ada", "bo", "cy"], { team: SPEAKING });
    for (const [by, to] of [
      ["lead", ["ada", "bo", "cy"]],
      ["bo", ["lead", "ada", "cy"]],
      ["person", ["lead", "ada", "bo", "cy"]],
    ] as const) {
      const { messages } = story.state;
      const { mail, journal } = story.accept(send(by, "*", { messageId: `mail_${by}` }));
      expect(mail.map((one) => one.to)).toEqual([...to]);
      expect(new Set(mail.map((one) => one.messageId))).toEqual(new Set([`mail_${by}`]));
      expect(mail.map((one) => one.seq)).toEqual(to.map((_, at) => messages + 1 + at));
      expect(journal[0]).toMatchObject({ event: "message_sent", to });
    }
  });

  test("reaches a member that is still starting and none that has ended", () => {
    const story = Story.active(["ada", "bo", "cy"], { team: SPEAKING });
    story.accept({ type: "add_members", by: "lead", plans: [memberPlan("di")] });
    story.accept(story.deleted("ses_ada_1"));
    story.start("bo");
    story.accept({ type: "request_shutdown", by: "lead", member: "bo" });
    story.approve("bo", "bo");
    expect(letters(story.accept(send("cy", "*")).mail)).toEqual(["message cy>lead", "message cy>di"]);
  });

  test("is the lead's and the person's alone, unless the team allows members to", () => {
    const story = Story.active(["ada", "bo"]);
    expect(story.refuse(send("ada", "*"))).toEqual({
      code: "broadcast_not_allowed",
      message: "ada may not address everyone in this team",
      hint: 'Write to one participant by name, or to "lead".',
    });
    expect(story.decide(send("lead", "*")).kind).toBe("accepted");
    expect(story.decide(send("person", "*", { kind: "person" })).kind).toBe("accepted");
  });

  test("is refused if nobody else is left", () => {
    const story = Story.active(["ada"]);
    story.accept(story.deleted("ses_ada_1"));
    expect(story.refuse(send("lead", "*"))).toEqual({
      code: "no_recipient",
      message: "nobody but the sender is left in the run",
      hint: "Call team_status to see the members.",
    });
  });

  test("is all or nothing: one full inbox, or one message too many, and nobody gets it", () => {
    const story = Story.active(["ada", "bo"], { limits: { ...LIMITS, unreadMaxBytes: 100, maxMessages: 2 } });
    expect(story.refuse(send("lead", "*", { unreadBytes: { ada: 0, bo: 96 } }))).toMatchObject({
      code: "inbox_full",
      details: { recipient: "bo", waiting: 96 },
    });
    story.accept(send("lead", "ada"));
    expect(story.refuse(send("lead", "*"))).toMatchObject({
      code: "message_budget_spent",
      message: "1 of 2 messages of this run are used and this would take 2 more",
    });
    expect(story.decide(send("lead", "ada")).kind).toBe("accepted");
  });
});

describe("mail that was given up", () => {
  const lost = (recipient: string, ...messages: readonly (readonly [string, string])[]) =>
    ({
      type: "note_undeliverable",
      recipient,
      messages: messages.map(([messageId, from]) => ({ messageId, from })),
      reason: "8 attempts",
    }) as const;

  test("is told to the lead and to each sender once, with the reason", () => {
    const story = Story.active(["ada", "bo", "cy"]);
    const { mail, journal } = story.accept(
      lost("ada", ["m1", "bo"], ["m2", "bo"], ["m3", "cy"], ["m4", "lead"]),
    );
    expect(letters(mail)).toEqual(["stuck system>lead", "stuck system>bo", "stuck system>cy"]);
    expect(mail[1]?.body).toBe(
      "4 messages to ada could not be delivered and were given up: 8 attempts. team_status shows how ada stands.",
    );
    expect(journal).toMatchObject([
      {
        event: "messages_given_up",
        recipient: "ada",
        messageIds: ["m1", "m2", "m3", "m4"],
        reason: "8 attempts",
      },
    ]);
  });

  test("that was for the lead is told to its senders", () => {
    const story = Story.active(["ada", "bo"]);
    const { mail } = story.accept(lost("lead", ["m1", "ada"]));
    expect(letters(mail)).toEqual(["stuck system>ada"]);
    expect(mail[0]?.body).toStartWith(
      "A message to lead could not be delivered and was given up: 8 attempts.",
    );
  });

  test("of the system's or a person's is told to the lead alone, and the system's to the lead to nobody", () => {
    const story = Story.active(["ada"]);
    expect(letters(story.accept(lost("ada", ["m1", "system"], ["m2", "person"])).mail)).toEqual([
      "stuck system>lead",
    ]);
    expect(story.accept(lost("lead", ["m3", "system"])).mail).toEqual([]);
  });

  test("is not told to senders that have ended or were never there", () => {
    const story = Story.active(["ada", "bo", "cy"]);
    story.accept(story.deleted("ses_bo_1"));
    story.start("cy");
    story.accept({ type: "request_shutdown", by: "lead", member: "cy" });
    story.approve("cy", "cy");
    expect(letters(story.accept(lost("ada", ["m1", "bo"], ["m2", "cy"], ["m3", "eve"])).mail)).toEqual([
      "stuck system>lead",
    ]);
  });

  test("out of one broadcast in two inboxes is told for each of them", () => {
    const story = Story.active(["ada", "bo"]);
    const one = story.accept(lost("ada", ["m1", "lead"])).mail;
    const other = story.accept(lost("bo", ["m1", "lead"])).mail;
    expect(one[0]?.messageId).not.toBe(other[0]?.messageId);
  });

  test("told again is told under the same ids: the inbox has it already", () => {
    const story = Story.active(["ada", "bo"]);
    const ids = () => story.accept(lost("ada", ["m1", "bo"])).mail.map(({ messageId }) => messageId);
    expect(ids()).toEqual(ids());
  });

  test("without any message is a line in the journal", () => {
    const story = Story.active(["ada"]);
    const { mail, journal } = story.accept(lost("ada"));
    expect(mail).toEqual([]);
    expect(journal).toHaveLength(1);
  });
});

describe("the ids of what the system writes", () => {
  test("derive from the commit, so that the same commit writes the same files", () => {
    const story = Story.active(["ada", "bo"], { tasks: [draft("a"), draft("b")] });
    const { mail, state } = story.update("lead", 1, { owner: "ada" });
    expect(mail.map(({ messageId }) => messageId)).toEqual([`mail_${state.revision}_0`]);
  });
});
