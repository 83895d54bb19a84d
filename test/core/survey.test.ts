import { describe, expect, test } from "bun:test";
import { surveyFromOutside } from "../../src/core/outside-survey.ts";
import type { Member, RunState } from "../../src/core/run.ts";
import { statusLine } from "../../src/core/status-line.ts";
import {
  type MailSurvey,
  type ParticipantSurvey,
  type Pulse,
  type RunSurvey,
  surveyLead,
  surveyMember,
} from "../../src/core/survey.ts";
import { NOON, permission, Story } from "./decide-builders.ts";

const STILL: Pulse = { abandoned: false, hasSubagentAtWork: false };
const NO_MAIL: MailSurvey = { unread: 0 };
const TURN = { startedAt: NOON, cause: "lead", reported: false } as const;

function stateWith(parts: Partial<Member>, run: Partial<RunState> = {}): RunState {
  const story = Story.active(["ada"]);
  story.patch("ada", parts);
  story.set(run);
  return story.state;
}

function ada(
  parts: Partial<Member>,
  pulse: Partial<Pulse> = {},
  mail: MailSurvey = NO_MAIL,
  run: Partial<RunState> = {},
): ParticipantSurvey {
  const state = stateWith(parts, run);
  return surveyMember(state, state.members["ada"] as Member, { ...STILL, ...pulse }, mail);
}

function said({ status, reason }: ParticipantSurvey): string {
  return reason === undefined ? status : `${status} ${reason}`;
}

const fault = { name: "APIError", message: "the secret text of a provider" };
const gates = [permission("per_1")];

describe("why a member stands as it does is one word", () => {
  const table: readonly [string, Parameters<typeof ada>, string][] = [
    ["a member at rest", [{}], "waiting"],
    ["one whose mail nothing holds", [{}, {}, { unread: 2 }], "waiting"],
    ["one whose mail is held", [{}, {}, { unread: 2, hold: "slot" }], "waiting slot"],
    ["one that no held mail waits for", [{}, {}, { unread: 0, hold: "slot" }], "waiting"],
    ["one that mail has gone to", [{}, { wakingSince: NOON }], "starting waking"],
    ["one whose subagent works on in the background", [{}, { hasSubagentAtWork: true }], "working"],
    ["one without a session", [{ status: "starting" }], "starting"],
    ["one at work", [{ status: "working", turn: TURN }], "working"],
    ["one at work that has mail", [{ status: "working" }, { wakingSince: NOON }], "working"],
    [
      "one whose provider fails",
      [{ status: "working" }, { retry: { attempt: 2, message: "secret", nextAt: NOON + 1 } }],
      "working retry",
    ],
    ["one that asks", [{ status: "needs_approval", gates }], "needs_approval permission"],
    [
      "one that has a question",
      [{ status: "needs_approval", gates: [{ ...permission("que_1"), kind: "question" }] }],
      "needs_approval question",
    ],
    [
      "one that a person stopped",
      [{ status: "interrupted", heldByPerson: true }],
      "interrupted stopped_by_person",
    ],
    ["one that an error stopped", [{ status: "interrupted", lastFault: fault }], "interrupted error"],
    ["one whose process died", [{ status: "interrupted" }], "interrupted cut_off"],
    [
      "one whose dead process's turn is being looked for",
      [{ status: "working", turn: TURN }, { abandoned: true }],
      "interrupted cut_off",
    ],
    ["one that could not be started", [{ status: "failed", reason: "secret" }], "failed no_session"],
    [
      "one whose session was deleted",
      [{ status: "lost", reason: "its session was deleted" }],
      "lost session_deleted",
    ],
    ["one of a newer version", [{ status: "lost", reason: "unknown:dreaming" }], "lost unknown_status"],
    ["one of a closed run", [{ status: "done", reason: "run closed" }], "done run_closed"],
    [
      "one that was shut down",
      [{ status: "done", shutdown: { status: "complete", changedAt: NOON } }],
      "done shut_down",
    ],
    [
      "one at work in a run that nobody owns",
      [{ status: "working" }, {}, NO_MAIL, { status: "orphaned" }],
      "working stale",
    ],
    ["one at rest in a run that nobody owns", [{}, {}, NO_MAIL, { status: "orphaned" }], "waiting"],
  ];
  test.each(table)("%s", (_, given, expected) => {
    const survey = ada(...given);
    expect(said(survey)).toBe(expected);
    expect(JSON.stringify(survey)).not.toContain("secret");
  });
});

describe("a survey", () => {
  const tool = { name: "bash", startedAt: NOON };

  test("shows what a member does only while it does something", () => {
    expect(ada({ status: "working" }, { tool }).tool).toEqual(tool);
    expect(ada({}, { tool })).not.toHaveProperty("tool");
    expect(ada({ status: "interrupted" }, { tool })).not.toHaveProperty("tool");
  });

  test("names what waits for a person, and not what it was asked for", () => {
    const survey = ada({ status: "needs_approval", gates: [...gates, permission("per_2")] }, { tool });
    expect(survey.gates).toEqual([
      { kind: "permission", requestId: "per_1", subject: "bash", since: NOON },
      { kind: "permission", requestId: "per_2", subject: "bash", since: NOON },
    ]);
    expect(JSON.stringify(survey)).not.toContain("rm -r build");
  });

  test("says of a question that there is one, and none of its words", () => {
    const question = {
      kind: "question",
      requestId: "que_1",
      subject: "My plan",
      detail: "All of it?",
      openedAt: NOON,
    };
    expect(ada({ status: "needs_approval", gates: [question as never] }).gates).toEqual([
      { kind: "question", requestId: "que_1", since: NOON },
    ]);
  });

  test("knows the last sign of life by what this process saw, then by what is on record", () => {
    const record = { countedTo: NOON + 5, turn: { ...TURN, startedAt: NOON + 9 } };
    expect(ada(record, { lastActivityAt: NOON + 20 }).lastActivityAt).toBe(NOON + 20);
    expect(ada(record).lastActivityAt).toBe(NOON + 9);
    expect(ada({ countedTo: NOON + 5 }).lastActivityAt).toBe(NOON + 5);
  });

  test("of the lead says whether it is asked, works, was stopped or waits", () => {
    const leads = (parts: Partial<RunState["lead"]>, pulse: Partial<Pulse> = {}): string => {
      const { state } = Story.active(["ada"]);
      const lead = { ...state.lead, ...parts };
      return said(surveyLead({ ...state, lead }, { ...STILL, ...pulse }, NO_MAIL));
    };
    expect(leads({})).toBe("waiting");
    expect(leads({ turn: TURN })).toBe("working");
    expect(leads({ turn: TURN }, { abandoned: true })).toBe("waiting");
    expect(leads({ turn: TURN, gates })).toBe("needs_approval permission");
    expect(leads({ heldByPerson: true })).toBe("waiting stopped_by_person");
  });
});

describe("a run in one line", () => {
  const line = (members: readonly ParticipantSurvey[], parts: Partial<RunSurvey> = {}): string =>
    statusLine({
      team: "greeter",
      runStatus: "active",
      lead: ada({}),
      members,
      ...parts,
    } as RunSurvey);
  const asking = ada({ status: "needs_approval", gates });
  const working = ada({ status: "working" });

  test("says first whom a person should look after", () => {
    const { status: _, ...bo } = ada({ status: "interrupted" });
    expect(line([working, asking, { ...bo, status: "interrupted", participant: "bo" }])).toBe(
      "greeter: ada needs approval (bash), bo interrupted, 1 working",
    );
  });

  test("counts where it would name too many", () => {
    expect(line([asking, asking, asking, working, ada({})])).toBe(
      "greeter: 3 need approval, 1 working, 1 waiting",
    );
  });

  test("tells of the lead only when it asks", () => {
    const lead = { ...asking, participant: "lead" };
    expect(line([working], { lead })).toBe("greeter: lead needs approval (bash), 1 working");
  });

  test("says where the run is in its life when it is not in the middle of it", () => {
    expect(line([ada({ status: "done" })], { runStatus: "closed" })).toBe("greeter: closed, 1 done");
  });

  test("fits into a line, and no character is cut in two", () => {
    const { length } = line([working], { team: "a-team-with-a-name-".repeat(10) });
    expect(length).toBe(80);
    for (const before of ["", "x"]) {
      const cut = line([
        ada({
          status: "needs_approval",
          gates: [{ ...permission("per_1"), subject: before + "🚢".repeat(99) }],
        }),
      ]);
      expect(cut).not.toMatch(/\p{Cs}/u);
      expect([...cut]).toHaveLength(80);
    }
  });

  test("is one line, and nothing of it is obeyed by a terminal, whatever a tool calls what it asks for", () => {
    const named = { ...permission("per_1"), subject: "a\nb\u001b[31mc\u202ed" };
    expect(line([ada({ status: "needs_approval", gates: [named] })])).toBe(
      "greeter: ada needs approval (a b [31mc d)",
    );
  });
});

describe("for whoever has only files a participant stands", () => {
  const from = (shown?: Partial<ParticipantSurvey>, parts: Partial<Member> = {}): readonly string[] => {
    const state = stateWith({ status: "interrupted", heldByPerson: true, ...parts });
    const members = [{ ...ada(parts), ...shown }];
    const run = { lead: { ...ada(parts), participant: "lead" }, members } as unknown as RunSurvey;
    const survey = surveyFromOutside(state, shown && run, { ada: 3 });
    return survey.members.map((one) => `${said(one)} ${one.unread}`);
  };

  test("as the owner shows it", () => {
    expect(from({ status: "working", unread: 7 })).toEqual(["working 7"]);
  });

  test("by the same rules from what is committed, where nothing is shown", () => {
    expect(from()).toEqual(["interrupted stopped_by_person 3"]);
  });

  test("as itself, and not as an earlier one of its name", () => {
    expect(from({ generation: 7, status: "done" })).toEqual(["interrupted stopped_by_person 3"]);
  });
});
