import { describe, expect, test } from "bun:test";
import { liveThrough } from "./history.ts";
import { CALM, type Weather } from "./weather.ts";

/** 10 s of them on a machine of its own. */
const TIMEOUT_MS = 240_000;

/** One thing goes wrong at a time, and often: what breaks a promise then is not hidden behind anything else. */
const WEATHERS: readonly {
  readonly what: string;
  readonly weather: Partial<Weather>;
  /** Default: as many as may work at the same time. */
  readonly members?: number;
}[] = [
  { what: "nothing goes wrong", weather: {} },
  {
    what: "posts are lost, and posts are taken though their sender hears the opposite",
    weather: { unreachable: 0.2, unheard: 0.2, swallowed: 0.2 },
  },
  { what: "a message's row is read before its part", weather: { torn: 0.4, swallowed: 0.3 } },
  {
    what: "the history is compacted while events come late",
    weather: { compacting: 0.2, torn: 0.1, lateMs: 1_000, lost: 0.05 },
  },
  { what: "model calls fail, and turns are stopped", weather: { failing: 0.2, stopping: 0.1, slow: 0.05 } },
  {
    what: "events are lost, repeated and false",
    weather: { lost: 0.1, twice: 0.5, falseIdle: 0.5, lateMs: 100 },
  },
  { what: "members wait for approval and undo is staged", weather: { asking: 0.1, undoing: 0.1 } },
  { what: "the process dies again and again", weather: { crashEveryMs: 15_000, slow: 0.05, torn: 0.05 } },
  {
    what: "another process takes over from one that dies while members wait for approval",
    weather: { paired: true, crashEveryMs: 15_000, asking: 0.2 },
  },
  {
    what: "people prompt members in two processes",
    weather: { paired: true, meddling: 0.8, crashEveryMs: 60_000 },
  },
  {
    what: "undo is staged, members wait for approval, and the host is often not to be asked",
    weather: { undoing: 0.6, unanswered: 0.1, asking: 0.2, stopping: 0.1 },
  },
  {
    what: "steps take minutes and the host is often not to be asked",
    weather: { slow: 0.2, unanswered: 0.2 },
  },
  {
    what: "posts are lost to members that have a slot, while others wait for one",
    weather: { swallowed: 0.3 },
    members: 8,
  },
  {
    what: "nothing that is posted arrives, and mail is given up while others wait for a slot",
    weather: { swallowed: 1 },
    members: 8,
  },
  {
    what: "a message's row is read before its part, by a step that takes minutes",
    weather: { torn: 0.5, slow: 0.5, lateMs: 100 },
  },
  {
    what: "a message's row is read before its part, and the step that is sent it fails",
    weather: { torn: 0.5, failing: 0.3, lost: 0.1, lateMs: 1_000 },
  },
];

describe("everybody reads everything once and in order, and nothing is left, when", () => {
  for (const [at, { what, weather, members = 4 }] of WEATHERS.entries()) {
    test(
      what,
      async () => {
        const story = { seed: at + 1, members, messages: 250, weather: { ...CALM, ...weather } };
        expect((await liveThrough(story)).violations).toEqual([]);
      },
      TIMEOUT_MS,
    );
  }
});
