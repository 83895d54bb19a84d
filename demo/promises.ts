import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { JournalEntry } from "../src/core/effects.ts";
import type { Message } from "../src/core/message.ts";
import { type StoredMessage, textOf } from "../test/support/host-api.ts";
import type { RunOnDisk } from "./facts.ts";
import type { Stage } from "./stage.ts";

/** Something the demo promises to show, and whether it was seen. */
export interface Promised {
  readonly what: string;
  readonly seen: boolean;
  /** The figures behind it. */
  readonly evidence: string;
}

const MEMBERS = 3;

/** Looks at the journal, the inboxes, the host's transcripts and the repository; at nothing that a model said. */
export async function checkPromises(stage: Stage, run: RunOnDisk | undefined): Promise<readonly Promised[]> {
  if (!run?.state) return [{ what: "a team was created", seen: false, evidence: "there is no run on disk" }];
  const { state, journal } = run;
  const members = Object.values(state.members);
  const tasks = [...run.tasks.values()].filter(({ status }) => status !== "deleted");
  const done = tasks.filter(({ status }) => status === "completed");
  const mail = [...run.messages.values()].flat();
  const worked = members.filter(({ plan }) => happened(journal, "member_working", { member: plan.name }));
  const talk = mail.filter(({ from, to, kind }) => kind === "message" && isMember(from) && isMember(to));
  const waited = tasks.filter(
    ({ taskId, blockedBy }) => blockedBy.length > 0 && happened(journal, "task_ready", { taskId }),
  );
  const asked = journal.filter(({ event, by, member }) => event === "shutdown_requested" && by === member);
  const released = asked.filter(({ member }) =>
    happened(journal, "shutdown_approved", { member, by: "lead" }),
  );
  const agreed = journal.filter(({ event, by, member }) => event === "shutdown_approved" && by === member);
  const copies = await countCopies(stage, run, mail);
  const tests = runTests(stage);
  return [
    {
      what: `${MEMBERS} members worked, each in a session of its own`,
      seen:
        worked.length >= MEMBERS &&
        new Set(members.map(({ sessionId }) => sessionId)).size === members.length,
      evidence: `turns: ${worked.map(({ plan, usage }) => `${plan.name} ${usage.turns}`).join(", ")}`,
    },
    {
      what: "a task waited for another, and all were completed",
      seen: waited.length > 0 && done.length === tasks.length,
      evidence: `${waited.map(({ taskId }) => `#${taskId}`).join(", ") || "none"} waited, ${done.length} of ${tasks.length} done`,
    },
    {
      what: "members talked to each other",
      seen: talk.some((one) => talk.some(({ from, to }) => from === one.to && to === one.from)),
      evidence: pairs(talk),
    },
    {
      what: "each message stands once in its reader's transcript",
      seen: copies.length > 0 && copies.every(({ count, isRead }) => count === 1 || (count === 0 && !isRead)),
      evidence: `${copies.filter(({ count }) => count === 1).length} of ${copies.length}, ${copies.filter(({ count }) => count > 1).length} twice`,
    },
    {
      what: "a member asked to stop and the lead approved",
      seen: released.length > 0,
      evidence: released.map(({ member }) => String(member)).join(", ") || "nobody",
    },
    {
      what: "the others agreed to end, and ended",
      seen: agreed.length > 0 && members.every(({ status }) => status === "done"),
      evidence: agreed.map(({ member }) => String(member)).join(", ") || "nobody",
    },
    { what: "the tests that the team wrote pass", seen: tests.passed, evidence: tests.evidence },
    {
      what: "the team was deleted and its run archived",
      seen: state.status === "closed" && run.folder.startsWith(`${stage.base}/archive/`),
      evidence: state.status === "closed" ? state.runId : `it is ${state.status}`,
    },
  ];
}

function happened(
  journal: readonly JournalEntry[],
  event: string,
  fields: Readonly<Record<string, unknown>>,
): boolean {
  return journal.some(
    (entry) =>
      entry.event === event && Object.entries(fields).every(([name, value]) => entry[name] === value),
  );
}

function isMember(name: string): boolean {
  return name !== "lead" && name !== "system" && name !== "person";
}

function pairs(talk: readonly Message[]): string {
  return [...new Set(talk.map(({ from, to }) => [from, to].toSorted().join(" and ")))].join(", ") || "nobody";
}

interface Copies {
  readonly count: number;
  readonly isRead: boolean;
}

/** How often each message stands in the transcript that the host has of its reader. */
async function countCopies(
  { host }: Stage,
  { state, folder }: RunOnDisk,
  mail: readonly Message[],
): Promise<readonly Copies[]> {
  const texts = new Map<string, string>();
  for (const reader of new Set(mail.map(({ to }) => to))) {
    const session = reader === "lead" ? state?.lead.sessionId : state?.members[reader]?.sessionId;
    const messages: readonly StoredMessage[] = session === undefined ? [] : await host.messages(session);
    texts.set(
      reader,
      messages
        .filter(({ info }) => info.role === "user")
        .map(textOf)
        .join("\n"),
    );
  }
  return mail.map(({ messageId, to }) => ({
    count: (texts.get(to) ?? "").split(` messageId="${messageId}"`).length - 1,
    isRead: existsSync(join(folder, "inboxes", to, "processed", `${messageId}.json`)),
  }));
}

/** Run here once more, so that nobody's word has to be taken for it. */
function runTests({ host }: Stage): { readonly passed: boolean; readonly evidence: string } {
  const { status, stdout } = spawnSync("node", ["--test", "--test-reporter=tap"], {
    cwd: host.work,
    env: { ...host.ground.env },
    encoding: "utf8",
  });
  const [, pass = "0"] = /^# pass (\d+)/m.exec(stdout) ?? [];
  const [, fail = "0"] = /^# fail (\d+)/m.exec(stdout) ?? [];
  return { passed: status === 0 && Number(pass) > 0, evidence: `${pass} pass, ${fail} fail` };
}
