/**
 * The named moments between "a tool is called" and "the message is acked" at which the process may die, in the order in
 * which a message passes them (docs/delivery.md). What lies between two of them changes neither our files nor the host's.
 */
export interface CrashPoint {
  readonly name: string;
  readonly stage: "write" | "reserve" | "post" | "witness" | "answer" | "ack";
  /** What is so when the process dies. */
  readonly meaning: string;
  /** The moment, in the words of the mortal plugin. */
  readonly moment: (passage: Passage) => string;
  /** Nothing is committed yet: then there is no message, and must be none. */
  readonly uncommitted?: true;
}

/** Whose message it is, as patterns of a regular expression. */
export interface Passage {
  readonly sender: string;
  /** Names and sessions of all recipients; the first one to get there dies. */
  readonly recipients: string;
  readonly sessions: string;
  readonly body: string;
}

export const POINTS: readonly CrashPoint[] = [
  {
    name: "called",
    stage: "write",
    meaning: "the tool has been called, nothing is written",
    moment: ({ sender }) => `^before call team_send_message ${sender}$`,
    uncommitted: true,
  },
  {
    name: "decided",
    stage: "write",
    meaning: "the next state is written beside `state.json`",
    moment: ({ body }) => `^before rename \\S+/state\\.json .*"body":"${body}"`,
    uncommitted: true,
  },
  {
    name: "committed",
    stage: "write",
    meaning: "`state.json` is replaced, the message has no file",
    moment: ({ body }) => `^after rename \\S+/state\\.json .*"body":"${body}"`,
  },
  {
    name: "filed",
    stage: "write",
    meaning: "the message has its file; of a broadcast, the first one has",
    moment: ({ recipients }) => `^after link \\S+/inboxes/${recipients}/mail_\\w{26}\\.json$`,
  },
  {
    name: "answered to the sender",
    stage: "write",
    meaning: "the tool has answered, the host has not stored the answer",
    moment: ({ sender }) => `^after call team_send_message ${sender}$`,
  },
  {
    name: "answer stored",
    stage: "write",
    meaning: "the sender's transcript holds the tool's answer",
    moment: ({ sender }) => `^before event message\\.part\\.updated ${sender} tool completed$`,
  },
  {
    name: "batch written",
    stage: "reserve",
    meaning: "the batch file is written and has no name yet",
    moment: ({ recipients }) => `^before rename \\S+/inboxes/${recipients}/\\.batch-`,
  },
  {
    name: "batch announced",
    stage: "reserve",
    meaning: "the batch file is there, its messages are not reserved",
    moment: ({ recipients }) => `^after rename \\S+/inboxes/${recipients}/\\.batch-`,
  },
  {
    name: "reserved",
    stage: "reserve",
    meaning: "the first message of the batch is `.delivering-*`",
    moment: ({ recipients }) => `^after rename \\S+/inboxes/${recipients}/\\.delivering-`,
  },
  {
    name: "before the post",
    stage: "post",
    meaning: "all is reserved, the host has not been asked",
    moment: ({ sessions }) => `^before post ${sessions}$`,
  },
  {
    name: "row stored",
    stage: "post",
    meaning: "the host has stored our message, perhaps without its part",
    moment: ({ sessions }) => `^before event message\\.updated ${sessions} user$`,
  },
  {
    name: "part stored",
    stage: "post",
    meaning: "the host has stored our message and its part",
    moment: ({ sessions }) => `^before event message\\.part\\.updated ${sessions} text ours$`,
  },
  {
    name: "accepted",
    stage: "post",
    meaning: "the host has said 204, nobody has noted it",
    moment: ({ sessions }) => `^after post ${sessions}$`,
  },
  {
    name: "shown",
    stage: "witness",
    meaning: "the list with the message is about to go to the model, nobody has noted it",
    moment: ({ sessions }) => `^before list ${sessions}$`,
  },
  {
    name: "witnessed",
    stage: "witness",
    meaning: "the batch file says that the model was shown it",
    moment: ({ recipients }) => `^after rename \\S+/inboxes/${recipients}/\\.batch-.*"phase":"witnessed"`,
  },
  {
    name: "answering",
    stage: "answer",
    meaning: "the model has begun to answer",
    moment: ({ sessions }) => `^before event message\\.part\\.updated ${sessions} step-start$`,
  },
  {
    name: "replied",
    stage: "answer",
    meaning: "the model's step is finished and stored, nobody has noted it",
    moment: ({ sessions }) => `^before event message\\.updated ${sessions} assistant finished$`,
  },
  {
    name: "answered",
    stage: "answer",
    meaning: "the batch file says that the model has answered",
    moment: ({ recipients }) => `^after rename \\S+/inboxes/${recipients}/\\.batch-.*"phase":"answered"`,
  },
  {
    name: "idle",
    stage: "ack",
    meaning: "the turn is over, nobody has noted it",
    moment: ({ sessions }) => `^before event session\\.status ${sessions} idle$`,
  },
  {
    name: "settled",
    stage: "ack",
    meaning: "the turn is settled, the message still reserved",
    moment: ({ recipients }) => `^before rename \\S+/inboxes/${recipients}/processed/mail_\\w{26}\\.json$`,
  },
  {
    name: "moved",
    stage: "ack",
    meaning: "the message is in `processed/`, the batch file still there",
    moment: ({ recipients }) => `^after rename \\S+/inboxes/${recipients}/processed/mail_\\w{26}\\.json$`,
  },
  {
    name: "batch closing",
    stage: "ack",
    meaning: "every message is moved and synced, the batch file is about to go",
    moment: ({ recipients }) => `^before unlink \\S+/inboxes/${recipients}/\\.batch-`,
  },
  {
    name: "acked",
    stage: "ack",
    meaning: "the batch file is gone",
    moment: ({ recipients }) => `^after unlink \\S+/inboxes/${recipients}/\\.batch-`,
  },
];
