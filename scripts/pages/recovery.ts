import {
  ENDING_ROWS,
  type Ending,
  endingOf,
  endOfCall,
  isInterruption,
} from "../../src/core/subagent-ending.ts";
import { readEnvelope } from "../../src/core/subagent-envelope.ts";
import { noteText, sectionText } from "../../src/core/subagent-wording.ts";
import type { NamedSubagent } from "../../src/core/subagents.ts";
import { CORPUS, callOf, type Specimen } from "../../test/recovery/corpus.ts";
import type { Page } from "../generate.ts";
import { code, GENERATED, page, table } from "./markdown.ts";

const EXAMPLE: NamedSubagent = {
  sessionId: "ses_e00c43b68ffe08YZgT0c7FfYix",
  name: "gen-1",
  agent: "general",
  label: "Map the parser",
  status: "interrupted",
  generation: 1,
  call: { callId: "call_1", startedAt: 0, background: false },
  shells: [],
  usedAt: 0,
};

export const recoveryPage: Page = {
  path: "docs/recovery.md",
  render: () =>
    page(
      GENERATED,
      "# Interrupted subagents",
      "A subagent (OpenCode's own `task` tool) may end in a provider error, a rate limit, Esc or a crash. Its session still holds what it has done, but its caller sees an error text, or nothing, and starts from zero. With `team_mode.enabled` and `task_recovery` (default `true`) the caller is told, team or no team. Nothing is ever resumed by itself, no prompt is sent, and a call that brought a result is never noted.",
      "## What the caller reads",
      "The result of the very call that was interrupted ends with a note:",
      fenced(
        noteText(EXAMPLE, {
          ending: "provider",
          remains: { calls: 12, files: 3, text: true },
          tooLong: false,
          pids: [],
        }),
      ),
      "Its first line is the note's name and always the same. What was found is counted in the host's store: completed tool calls, changed files and text since the call began. If there is nothing it says *no saved work*, and *could not be checked* if the host did not answer. A note is written once, kept in `<base_dir>/subagents/`, and added anew to each list that goes to the model, byte by byte the same, so that nothing before it changes and a provider's cache of it holds. Only an empty result carries its note in the stored message, where a person sees it as well.",
      "The system prompt of the same session has a section while there is something to resume:",
      fenced(sectionText([EXAMPLE]) ?? ""),
      "At most two subagents of an agent and ten in all stand in it, the newest, in 1,500 characters. A session whose agent may not call `task` does not have it. **Price:** when an entry comes or goes, the system prompt changes once, and the provider reads the conversation anew; while an entry is listed, its row does not change. A subagent with a result is not listed: its result says how to go on with it.",
      "`team_status` shows a session its own entries (`subagents`), and the lead every interrupted member with its last task, its tasks and its unread mail (`interrupted`). `flotilla doctor` shows all entries of the base folder. All of them read one record.",
      "## Going on",
      "`task` takes the name (`gen-1`) or the session's id as `task_id`, with the same `subagent_type`. OpenCode takes any session for it and silently starts a new one where there is none; so the call is checked before it is carried out, and refused with the reason if the session is gone, belongs to another session or to a team member, runs another agent, or works already. Names belong to their session and are not given twice.",
      "An entry ends with a result, when its session or its caller's is deleted, or after 7 days.",
      "## After a crash",
      "The next start of OpenCode looks, beside everything else, for calls that the dead process left without an end, and notes them in the same way. Shells of subagents carry a mark in their environment (`FLOTILLA_SHELL`); those that outlived the crash are named with their pids, and left alone.",
      "## How an ending is told",
      "By structure, never by the words of a result, which may speak of any error. The first row that holds decides:",
      table(
        ["", "ending", "signal", "note"],
        ENDING_ROWS.map(({ ending, signal }, at) => [
          String(at + 1),
          code(ending),
          signal,
          isInterruption(ending) ? "yes" : "no",
        ]),
      ),
      "The subagent's session is known by the call's metadata. Where that is missing, by the text around the result, in five forms, and never by the result itself, which may quote any of them.",
      "## What it was tried on",
      corpusText(),
      table(
        [
          "form of",
          "successes",
          "false notes",
          "interruptions",
          "missed",
          "calls without a session",
          "names its session in the text",
        ],
        versions().map(row),
      ),
    ),
};

function fenced(text: string): string {
  return `\`\`\`\n${text}\n\`\`\``;
}

function corpusText(): string {
  const { wrong, all } = { wrong: CORPUS.filter((one) => verdictOf(one) !== one.ending), all: CORPUS.length };
  return `${all} calls in the form of each version, those of other plugins included, with results that speak of time-outs, HTTP 429 and error classes or quote other calls (\`test/recovery/corpus.ts\`). Judged wrongly: ${wrong.length}. False notes: ${falseNotes(CORPUS)}. Misses: ${misses(CORPUS)}. The real host is driven through the same endings in \`test/e2e/recovery.test.ts\` and \`recovery-crash.test.ts\`.`;
}

function versions(): readonly string[] {
  return [...new Set(CORPUS.map(({ version }) => version))];
}

function row(version: string): readonly string[] {
  const own = CORPUS.filter((one) => one.version === version);
  const count = (holds: (ending: Ending) => boolean): number =>
    own.filter(({ ending }) => holds(ending)).length;
  return [
    version,
    String(count((ending) => ending === "done")),
    String(falseNotes(own)),
    String(count(isInterruption)),
    String(misses(own)),
    String(count((ending) => ending === "invalid_call" || ending === "missing")),
    namesIn(own),
  ];
}

function namesIn(specimens: readonly Specimen[]): string {
  const naming = specimens.filter(
    ({ text, named }) => named !== undefined && readEnvelope(text).sessionId === named,
  );
  const kinds = [
    ...(naming.some(({ ending }) => ending === "done" || ending === "empty") ? ["successes"] : []),
    ...(naming.some(({ outcome }) => outcome === "failed") ? ["failures"] : []),
  ];
  return kinds.length === 0 ? "no" : `of ${kinds.join(" and ")}`;
}

function falseNotes(specimens: readonly Specimen[]): number {
  return specimens.filter((one) => !isInterruption(one.ending) && isInterruption(verdictOf(one))).length;
}

function misses(specimens: readonly Specimen[]): number {
  return specimens.filter((one) => isInterruption(one.ending) && !isInterruption(verdictOf(one))).length;
}

function verdictOf(specimen: Specimen): Ending {
  return endingOf(endOfCall(specimen.outcome, callOf(specimen)), specimen.look);
}
