import type { TaskCall } from "../../src/core/facts.ts";
import type { CallEnd, ChildSight, Ending, Look } from "../../src/core/subagent-ending.ts";

/**
 * What calls of `task` look like, by the version of the host that wrote them: the form of the text, what the host notes beside
 * it, and what stands in the subagent's session. Each with the verdict that is right.
 */
export interface Specimen {
  readonly version: string;
  readonly title: string;
  readonly outcome: CallEnd["outcome"];
  readonly text: string;
  /** Beside the text; without it the session is known by the text alone. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly look: Look;
  /** The session that the text by itself names; undefined where it names none. */
  readonly named: string | undefined;
  readonly ending: Ending;
}

export const CHILD = "ses_e00c43b68ffe08YZgT0c7FfYix";
/** Of whom only results speak. */
const OTHER = "ses_other0000000000000000000";

export function callOf({ outcome, text, metadata = {} }: Specimen): TaskCall {
  const input = { description: "Look", prompt: "Look around.", subagent_type: "general" };
  return { input, metadata, ...(outcome === "failed" ? { error: text } : { output: text }) };
}

type Writer = (result: string) => string;

interface Form {
  readonly versions: readonly string[];
  readonly success: Writer;
  /** Whether a success names its session. */
  readonly names: boolean;
}

const FORMS: readonly Form[] = [
  { versions: ["1.0.0"], success: (result) => result, names: false },
  {
    versions: ["1.0.98", "1.0.185", "1.1.11", "1.1.34"],
    success: (result) => `${result}\n\n<task_metadata>\nsession_id: ${CHILD}\n</task_metadata>`,
    names: true,
  },
  {
    versions: ["1.1.58", "1.2.1", "1.3.2", "1.14.34", "1.14.48", "1.15.0", "1.15.4"],
    success: (result) =>
      `task_id: ${CHILD} (for resuming to continue this task if needed)\n\n<task_result>\n${result}\n</task_result>`,
    names: true,
  },
  {
    versions: ["1.15.13", "1.17.0", "1.18.7", "1.18.19", "1.18.20", "1.18.33", "1.18.34"],
    success: (result) =>
      `<task id="${CHILD}" state="completed">\n<task_result>\n${result}\n</task_result>\n</task>`,
    names: true,
  },
  {
    versions: ["another plugin's block"],
    success: (result) =>
      `${result}\n\n<task_metadata>\nsession_id: ${CHILD}\ntask_id: ${CHILD}\nsubagent: general\n</task_metadata>`,
    names: true,
  },
  {
    versions: ["another plugin's element"],
    success: (result) => `${result}\n\n<task_id>${CHILD}</task_id>`,
    names: true,
  },
  {
    versions: ["1.18.33, with lines of another plugin around it"],
    success: (result) =>
      `[reminder] 3 todos are open\n\n<task id="${CHILD}" state="completed">\n<summary>Look</summary>\n<task_result>\n${result}\n</task_result>\n</task>\n\n[reminder] keep going`,
    names: true,
  },
];

/** Results that speak of what could be taken for a failure, or for an envelope. */
const RESULTS: Readonly<Record<string, string>> = {
  "a plain result": "The parser lives in src/parse.ts.",
  "a result about time-outs":
    "The client aborts after a request timeout of 30 s; the timeout is configurable.",
  "a result about HTTP 429": "On HTTP 429 (Too Many Requests) it waits; rate limit errors are retried.",
  "a result about an error class":
    "class ServerError extends Error {}\nAPIError, ServerError and MessageAbortedError are thrown here.",
  "a result that says what an abort says": "It prints:\nTask cancelled\nTool execution aborted\nCancelled",
  "a result that quotes a failed call": `I saw:\nSubagent failed (task_id: ${OTHER}): scripted failure 500\ntask_id: ${OTHER}`,
  "a result that quotes an envelope": `<task id="${OTHER}" state="error">\n<task_error>\nboom\n</task_error>\n</task>\nand that was all.`,
  "a result that quotes an empty envelope": `As sent:\n<task id="${OTHER}" state="completed">\n<task_result>\n\n</task_result>\n</task>\nNothing in it.`,
  "a result that quotes a block": `<task_metadata>\nsession_id: ${OTHER}\n</task_metadata>\nis what older ones end with.`,
  "a result that quotes this note": "[task partial state available]\nis the first line of a note.",
  "a result with Windows line ends": "One line.\r\nAnother one.",
};

/** 50 results of words that a search for failures would find. */
const GENERATED: readonly string[] = Array.from({ length: 50 }, (_, at) => {
  const words = [
    "timeout",
    "429",
    "ServerError",
    "aborted",
    "cancelled",
    "overloaded",
    "ECONNRESET",
    "error",
  ];
  const pick = (shift: number): string | undefined => words[(at * 7 + shift * 3) % words.length];
  return `Found ${at + 1} places with ${pick(0)}; ${pick(1)} is raised when ${pick(2)} or ${pick(3)} is seen.`;
});

const KNOWN = { parentSessionId: "ses_parent", sessionId: CHILD };

function sight(step?: Partial<NonNullable<ChildSight["step"]>>): ChildSight {
  const remains = { calls: 1, files: 0, text: false };
  const whole = { completed: true, midTurn: false, said: false, refused: false, ...step };
  return { working: false, remains, shells: [], ...(step ? { step: whole } : {}) };
}

const api = (statusCode: number | undefined, retryable: boolean): ChildSight =>
  sight({
    midTurn: true,
    fault: {
      name: "APIError",
      message: "scripted",
      retryable,
      ...(statusCode === undefined ? {} : { statusCode }),
    },
  });
const named = (name: string): ChildSight => sight({ midTurn: true, fault: { name, message: "" } });

interface Failure {
  readonly title: string;
  /** What the host says instead of a result; its own sentence around it since 1.18.20. */
  readonly said: string;
  readonly whole?: true;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly look: Look;
  readonly ending: Ending;
}

const FAILURES: readonly Failure[] = [
  { title: "provider, 400", said: "scripted failure 400", look: api(400, false), ending: "provider_fatal" },
  { title: "provider, 401", said: "scripted failure 401", look: api(401, false), ending: "provider_fatal" },
  { title: "provider, 408", said: "scripted failure 408", look: api(408, false), ending: "provider" },
  { title: "provider, 409", said: "scripted failure 409", look: api(409, false), ending: "provider" },
  {
    title: "provider, 429 until it gave up",
    said: "scripted failure 429",
    look: api(429, true),
    ending: "provider",
  },
  { title: "provider, 500", said: "scripted failure 500", look: api(500, true), ending: "provider" },
  {
    title: "provider, 500 with words of an abort",
    said: "upstream: Task cancelled",
    look: api(500, true),
    ending: "provider",
  },
  { title: "provider, 529 overloaded", said: "Overloaded", look: api(529, false), ending: "provider" },
  {
    title: "provider, connection lost",
    said: "socket closed",
    look: api(undefined, true),
    ending: "provider",
  },
  { title: "no key", said: "no api key", look: named("ProviderAuthError"), ending: "provider_fatal" },
  { title: "content filter", said: "blocked", look: named("ContentFilterError"), ending: "provider_fatal" },
  { title: "context too long", said: "too long", look: named("ContextOverflowError"), ending: "provider" },
  { title: "answer too long", said: "too long", look: named("MessageOutputLengthError"), ending: "provider" },
  {
    title: "permission declined",
    said: "The user rejected permission to use this specific tool call.",
    look: sight({ midTurn: true, refused: true }),
    ending: "rejected",
  },
  {
    title: "Esc during the subagent",
    said: "Task cancelled",
    whole: true,
    look: named("MessageAbortedError"),
    ending: "aborted",
  },
  {
    title: "abort of the caller",
    said: "Tool execution aborted",
    whole: true,
    metadata: { interrupted: true },
    look: named("MessageAbortedError"),
    ending: "aborted",
  },
  { title: "abort of a slash command", said: "Cancelled", whole: true, look: "unseen", ending: "aborted" },
  {
    title: "failure of a slash command",
    said: "Tool execution failed: scripted failure 500",
    whole: true,
    look: api(500, true),
    ending: "provider",
  },
  { title: "something else", said: "it broke", look: named("UnknownError"), ending: "unknown" },
  { title: "the host does not answer", said: "it broke", look: "unseen", ending: "unknown" },
];

const SINCE_NAMED: ReadonlySet<string> = new Set(["1.18.20", "1.18.33", "1.18.34", "a newer one"]);
const HOSTS: readonly string[] = [
  ...new Set(FORMS.slice(0, 4).flatMap(({ versions }) => versions)),
  "a newer one",
];

function successes(): Specimen[] {
  return FORMS.flatMap(({ versions, success, names }) =>
    versions.flatMap((version) => {
      const all =
        version === "1.18.33"
          ? [...Object.entries(RESULTS), ...GENERATED.map((text) => ["a generated result", text] as const)]
          : Object.entries(RESULTS);
      return all.map(
        ([title, result]): Specimen => ({
          version,
          title,
          outcome: "completed",
          text: success(result),
          metadata: KNOWN,
          look: sight({ said: true }),
          named: names ? CHILD : undefined,
          ending: "done",
        }),
      );
    }),
  );
}

function empties(): Specimen[] {
  return FORMS.filter(({ names }) => names).flatMap(({ versions, success }) =>
    versions.flatMap((version) =>
      ["", "  \n\t"].map(
        (blank): Specimen => ({
          version,
          title: "completed without a text",
          outcome: "completed",
          text: success(blank),
          metadata: KNOWN,
          look: sight({}),
          named: CHILD,
          ending: "empty",
        }),
      ),
    ),
  );
}

function failures(): Specimen[] {
  return HOSTS.flatMap((version) =>
    FAILURES.map(({ title, said, whole, metadata, look, ending }): Specimen => {
      const isNamed = SINCE_NAMED.has(version) && whole !== true;
      const sentence = isNamed ? `Subagent failed (task_id: ${CHILD}): ${said}` : said;
      const partial =
        version === "a newer one"
          ? `\n\nPartial output before the failure:\n<task id="${OTHER}" state="completed">\n`
          : "";
      return {
        version,
        title,
        outcome: "failed",
        text: whole ? said : `${sentence}${partial}`,
        metadata: { ...KNOWN, ...metadata },
        look,
        named: isNamed ? CHILD : undefined,
        ending,
      };
    }),
  );
}

/** Calls that left nothing to go on with, with whatever stands in their text. */
function dead(): Specimen[] {
  const none = { version: "1.18.33", look: "unseen", named: undefined, ending: "invalid_call" } as const;
  return [
    {
      ...none,
      title: "unknown agent",
      outcome: "failed",
      text: "Unknown agent type: nope is not a valid agent type",
    },
    {
      ...none,
      title: "wrong arguments",
      outcome: "failed",
      text: 'The task tool was called with invalid arguments: SchemaError(Missing key\n  at ["prompt"]).',
    },
    {
      ...none,
      title: "a refusal of ours",
      outcome: "failed",
      text: "subagent_unknown: there is no session ses_gone: it was deleted.",
    },
    {
      ...none,
      title: "no session, and an empty result",
      outcome: "completed",
      text: "<task_result>\n\n</task_result>",
    },
    { ...none, title: "killed before it came to a session", outcome: "left", text: "" },
    {
      version: "1.18.33",
      title: "the session was deleted",
      outcome: "failed",
      text: `Subagent failed (task_id: ${CHILD}): scripted failure 500`,
      metadata: KNOWN,
      look: "gone",
      named: CHILD,
      ending: "missing",
    },
    {
      version: "1.18.33",
      title: "the session was deleted, and the result is empty",
      outcome: "completed",
      text: `<task id="${CHILD}" state="completed">\n<task_result>\n\n</task_result>\n</task>`,
      metadata: KNOWN,
      look: "gone",
      named: CHILD,
      ending: "missing",
    },
  ];
}

function crashes(): Specimen[] {
  const left = { version: "1.18.33", outcome: "left", text: "", metadata: KNOWN, named: undefined } as const;
  return [
    { ...left, title: "kill -9 before the first word", look: sight(), ending: "crashed" },
    {
      ...left,
      title: "kill -9 during a shell command",
      look: sight({ completed: false, midTurn: true }),
      ending: "crashed",
    },
    { ...left, title: "kill -9 after the provider had failed", look: api(500, true), ending: "provider" },
  ];
}

/** Jobs in the background tell of a failure in their head. */
function jobs(): Specimen[] {
  const failed = (version: string, text: string): Specimen => ({
    version,
    title: "a job that ended in an error",
    outcome: "completed",
    text,
    metadata: KNOWN,
    look: api(500, true),
    named: CHILD,
    ending: "provider",
  });
  const old = `task_id: ${CHILD} (for resuming to continue this task if needed)\nstate: error\n\n<task_error>\nboom\n</task_error>`;
  return [
    failed("1.15.0", old),
    failed("1.15.4", old),
    failed("1.18.33", `<task id="${CHILD}" state="error">\n<task_error>\nboom\n</task_error>\n</task>`),
  ];
}

export const CORPUS: readonly Specimen[] = [
  ...successes(),
  ...empties(),
  ...failures(),
  ...dead(),
  ...crashes(),
  ...jobs(),
];
