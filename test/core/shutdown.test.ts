import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Command } from "../../src/core/commands.ts";
import { isLive, MEMBER_STATUSES, type MemberStatus, type Shutdown } from "../../src/core/run.ts";
import { letters, mailOf, memberPlan, NOON, permission, runPlan, Story } from "./decide-builders.ts";

/** What a name goes through until ada stands as wanted, by commands alone. */
const WAYS: Readonly<Record<MemberStatus, (story: Story) => void>> = {
  starting: () => undefined,
  waiting: (story) => void story.open("ada"),
  working: (story) => {
    story.open("ada");
    story.start("ada");
  },
  needs_approval: (story) => {
    WAYS.working(story);
    story.accept({ type: "note_gate_opened", participant: "ada", gate: permission("per_1") });
  },
  interrupted: (story) => {
    WAYS.working(story);
    story.settle("ada", { outcome: "aborted" });
  },
  failed: (story) => void story.spawnFailed("ada", "no host"),
  lost: (story) => {
    story.open("ada");
    story.accept(story.deleted("ses_ada_1"));
  },
  done: (story) => {
    story.open("ada");
    story.accept({ type: "request_shutdown", by: "lead", member: "ada" });
    story.approve("lead", "ada");
  },
};

const SHUTDOWNS = {
  none: { status: "none", changedAt: NOON },
  "requested by lead": { status: "requested", requestedBy: "lead", changedAt: NOON },
  "requested by ada": { status: "requested", requestedBy: "ada", changedAt: NOON },
  approved: { status: "approved", requestedBy: "lead", changedAt: NOON },
} as const satisfies Readonly<Record<string, Shutdown>>;
type Stage = keyof typeof SHUTDOWNS;
const STAGES = Object.keys(SHUTDOWNS) as readonly Stage[];

/** A live run beside whose ada there is bo, who waits. */
function standing(ada: MemberStatus, stage: Stage): Story {
  const story = new Story(runPlan(["bo"]));
  story.open("bo");
  story.accept({ type: "add_members", by: "lead", plans: [memberPlan("ada")] });
  WAYS[ada](story);
  if (ada !== "done") story.patch("ada", { shutdown: SHUTDOWNS[stage] });
  return story;
}

type Ask = "request" | "approve" | "reject";

function asked(ask: Ask, by: string, story: Story): Command {
  const { book } = story;
  if (ask === "request") return { type: "request_shutdown", by, member: "ada" };
  if (ask === "approve") return { type: "approve_shutdown", by, member: "ada", book };
  return { type: "reject_shutdown", by, member: "ada", reason: "Not yet." };
}

/** Where the handshake and ada stand afterwards, and who hears of it. `.`: as before; `x code`: refused. */
function outcome(ask: Ask, by: string, ada: MemberStatus, stage: Stage): string {
  const story = standing(ada, stage);
  const decision = story.decide(asked(ask, by, story));
  if (decision.kind === "unchanged") return ".";
  if (decision.kind === "refused") return `x ${decision.refusal.code}`;
  const after = decision.state.members["ada"];
  const moved = after?.status === ada ? [] : [`ada=${after?.status}`];
  return [after?.shutdown.status, ...moved, ...letters(mailOf(decision.effects))].join(" ");
}

/** One line an answer, with all the statuses of ada's that get it. */
function drawn(ask: Ask, by: string, stage: Stage): string {
  const lines = new Map<string, MemberStatus[]>();
  for (const ada of MEMBER_STATUSES) {
    const answer = outcome(ask, by, ada, stage);
    lines.set(answer, [...(lines.get(answer) ?? []), ada]);
  }
  return [...lines].map(([answer, statuses]) => `${statuses.join(" ")} -> ${answer}`).join("\n");
}

interface Row {
  readonly ask: Ask;
  readonly by: "lead" | "ada";
  readonly at: readonly Stage[];
  readonly answers: string;
}

const REQUESTED = ["requested by lead", "requested by ada"] as const;

/** Lines read `ada's statuses -> where it stands then, and who hears of it`. */
const TABLE: readonly Row[] = [
  {
    ask: "request",
    by: "lead",
    at: ["none"],
    answers: `
      starting waiting working needs_approval interrupted -> requested shutdown_request lead>ada
      failed lost done -> x member_ended`,
  },
  {
    ask: "request",
    by: "ada",
    at: ["none"],
    answers: `
      starting waiting working needs_approval interrupted -> requested shutdown_request ada>lead
      failed lost done -> x member_ended`,
  },
  ...(["lead", "ada"] as const).map(
    (by): Row => ({
      ask: "request",
      by,
      at: [...REQUESTED, "approved"],
      answers: `
        starting waiting working needs_approval interrupted -> .
        failed lost done -> x member_ended`,
    }),
  ),
  {
    ask: "approve",
    by: "lead",
    at: ["none"],
    answers: `
      starting waiting working needs_approval interrupted failed lost -> x shutdown_not_requested
      done -> .`,
  },
  {
    ask: "approve",
    by: "ada",
    at: ["none"],
    answers: `
      starting waiting working needs_approval interrupted -> x shutdown_not_requested
      failed lost done -> x member_ended`,
  },
  {
    ask: "approve",
    by: "lead",
    at: REQUESTED,
    answers: `
      starting waiting interrupted failed lost -> complete ada=done
      working needs_approval -> approved
      done -> .`,
  },
  {
    ask: "approve",
    by: "ada",
    at: REQUESTED,
    answers: `
      starting waiting interrupted -> complete ada=done shutdown_approved ada>lead
      working needs_approval -> approved shutdown_approved ada>lead
      failed lost done -> x member_ended`,
  },
  {
    ask: "approve",
    by: "lead",
    at: ["approved"],
    answers: "starting waiting working needs_approval interrupted failed lost done -> .",
  },
  {
    ask: "approve",
    by: "ada",
    at: ["approved"],
    answers: `
      starting waiting working needs_approval interrupted -> .
      failed lost done -> x member_ended`,
  },
  {
    ask: "reject",
    by: "lead",
    at: ["none"],
    answers: `
      starting waiting working needs_approval interrupted failed lost -> x shutdown_not_requested
      done -> x shutdown_already_approved`,
  },
  {
    ask: "reject",
    by: "ada",
    at: ["none"],
    answers: `
      starting waiting working needs_approval interrupted -> x shutdown_not_requested
      failed lost done -> x member_ended`,
  },
  {
    ask: "reject",
    by: "lead",
    at: REQUESTED,
    answers: `
      starting waiting working needs_approval interrupted -> none shutdown_rejected lead>ada
      failed lost -> none
      done -> x shutdown_already_approved`,
  },
  {
    ask: "reject",
    by: "ada",
    at: REQUESTED,
    answers: `
      starting waiting working needs_approval interrupted -> none shutdown_rejected ada>lead
      failed lost done -> x member_ended`,
  },
  {
    ask: "reject",
    by: "lead",
    at: ["approved"],
    answers:
      "starting waiting working needs_approval interrupted failed lost done -> x shutdown_already_approved",
  },
  {
    ask: "reject",
    by: "ada",
    at: ["approved"],
    answers: `
      starting waiting working needs_approval interrupted -> x shutdown_already_approved
      failed lost done -> x member_ended`,
  },
];

describe("the handshake, asked by whom and in whatever state of the member", () => {
  for (const { ask, by, at, answers } of TABLE) {
    for (const stage of at) {
      test(`${ask} by ${by}, when it is ${stage}`, () => {
        expect(drawn(ask, by, stage)).toBe(answers.trim().replace(/^ +/gm, ""));
      });
    }
  }

  test("is drawn whole, and is nobody else's in any state", () => {
    const cells = TABLE.flatMap(({ ask, by, at }) => at.map((stage) => `${ask} ${by} ${stage}`));
    expect(new Set(cells).size).toBe(3 * 2 * STAGES.length);
    for (const stage of STAGES) {
      for (const ask of ["request", "approve", "reject"] as const) {
        for (const ada of MEMBER_STATUSES) expect(outcome(ask, "bo", ada, stage)).toBe("x not_allowed");
      }
    }
  });
});

/** What may happen to ada, and what both say about her end, in any order. */
const EVENTS = {
  "the lead asks": (story: Story) => asked("request", "lead", story),
  "ada asks": (story: Story) => asked("request", "ada", story),
  "the lead agrees": (story: Story) => asked("approve", "lead", story),
  "ada agrees": (story: Story) => asked("approve", "ada", story),
  "ada agrees, with a turn ahead": ({ book }: Story): Command => ({
    type: "approve_shutdown",
    by: "ada",
    member: "ada",
    turnAhead: true,
    book,
  }),
  "the lead refuses": (story: Story) => asked("reject", "lead", story),
  "ada refuses": (story: Story) => asked("reject", "ada", story),
  "a turn starts": (): Command => ({ type: "note_turn_started", participant: "ada", cause: "peer" }),
  "a turn ends": (story: Story) => story.settled("ada"),
  "a turn fails": (story: Story) => story.settled("ada", { outcome: "failed" }),
  "a person stops it": (story: Story) => story.settled("ada", { outcome: "aborted" }),
  "the next turn begins at once": (story: Story) => story.settled("ada", { next: "lead" }),
  "a request opens": (): Command => ({
    type: "note_gate_opened",
    participant: "ada",
    gate: permission("per_1"),
  }),
  "a request closes": (): Command => ({ type: "note_gate_closed", participant: "ada", requestId: "per_1" }),
  "a person writes": (): Command => ({ type: "note_prompted", participant: "ada" }),
  "the session is deleted": (story: Story) =>
    story.deleted(`ses_ada_${story.state.members["ada"]?.generation}`),
  "the name is given again": (): Command => ({
    type: "add_members",
    by: "lead",
    plans: [memberPlan("ada")],
  }),
  "the session opens": (story: Story): Command => ({
    type: "note_session_opened",
    member: "ada",
    generation: story.member("ada").generation,
    sessionId: `ses_ada_${story.member("ada").generation}`,
    directory: "/project",
  }),
  "the owner changes": (story: Story): Command => ({
    type: story.state.status === "orphaned" ? "note_adopted" : "note_orphaned",
  }),
} as const;

function tells(story: Story, command: Command): void {
  if (story.decide(command).kind === "accepted") story.accept(command);
}

/** What the host still does by itself: a turn that runs ends somehow, and one that does not come is noted. */
function comesToRest(story: Story, outcome: "ended" | "failed" | "aborted"): void {
  if (story.member("ada").turn) story.settle("ada", { outcome });
  tells(story, { type: "note_at_rest", member: "ada", book: story.book });
}

describe("after any history of what both said and what happened meanwhile", () => {
  const history = fc.array(fc.constantFrom(...(Object.keys(EVENTS) as (keyof typeof EVENTS)[])), {
    maxLength: 25,
  });
  const way = fc.constantFrom(...MEMBER_STATUSES);
  const last = fc.constantFrom("ended", "failed", "aborted");

  test("a member whose end is asked for and agreed to ends with its turn, and the team can be deleted gracefully", () => {
    fc.assert(
      fc.property(way, history, last, (ada, events, outcome) => {
        const story = standing(ada, "none");
        for (const event of events) tells(story, EVENTS[event](story));
        tells(story, EVENTS["the lead asks"](story));
        tells(story, EVENTS["the lead agrees"](story));
        comesToRest(story, outcome);
        expect(isLive(story.member("ada"))).toBe(false);
        story.accept({ type: "close_run", force: false, reason: "end", unread: { ada: 3 } });
        expect(story.accept({ type: "finish_run" }).state.status).toBe("closed");
      }),
      { numRuns: 500 },
    );
  });

  test("an end that is agreed to is not kept from coming by anything but a rejection before it, or a name given again", () => {
    fc.assert(
      fc.property(way, history, last, (ada, events, outcome) => {
        const story = standing(ada, "none");
        for (const event of events) {
          const { shutdown, generation } = story.member("ada");
          tells(story, EVENTS[event](story));
          const after = story.member("ada");
          if (shutdown.status !== "approved" || after.generation !== generation) continue;
          expect(["approved", "complete"]).toContain(after.shutdown.status);
        }
        const agreed = story.member("ada").shutdown.status === "approved";
        comesToRest(story, outcome);
        if (agreed) expect(isLive(story.member("ada"))).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
