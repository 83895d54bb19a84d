import { describe, expect, test } from "bun:test";
import { transportOf } from "../../src/opencode/client.ts";
import { readSteps } from "../../src/opencode/steps.ts";
import { readTranscript, textOf } from "../../src/opencode/transcript.ts";
import { fakeClient } from "./fake-client.ts";

interface Stored {
  readonly info: { readonly id: string } & Readonly<Record<string, unknown>>;
  readonly parts: readonly unknown[];
}

function user(id: string, created: number, ...parts: readonly unknown[]): Stored {
  return { info: { id, role: "user", time: { created } }, parts };
}

function step(id: string, created: number, change: Readonly<Record<string, unknown>> = {}): Stored {
  const time = { created, completed: created };
  return { info: { id, role: "assistant", time, finish: "stop", ...change }, parts: [] };
}

/** A session's store behind the host's paging: `limit` newest ones, a cursor for what is older. */
function hostWith(messages: readonly Stored[]): ReturnType<typeof fakeClient> {
  return fakeClient(({ query }) => {
    const before = messages.findIndex(({ info }) => info.id === query["before"]);
    const visible = before < 0 ? messages : messages.slice(0, before);
    const page = visible.slice(-Number(query["limit"]));
    const more = page.length < visible.length;
    const headers = more ? { "x-next-cursor": page[0]?.info.id ?? "" } : {};
    return Response.json(page, { headers });
  });
}

async function boundariesOf(messages: readonly Stored[]): Promise<readonly string[]> {
  const { client } = hostWith(messages);
  const entries = (await readTranscript(transportOf(client), "ses_a")) ?? [];
  return entries.filter((entry) => entry.boundary).map((entry) => entry.hostMessageId);
}

describe("reading back", () => {
  const many = Array.from({ length: 120 }, (_, n) => user(`msg_${n}`, n));

  test("hands over the whole history, oldest first, page by page", async () => {
    const { client, seen } = hostWith(many);
    const entries = await readTranscript(transportOf(client), "ses_a");

    expect(entries?.map((entry) => entry.createdAt)).toEqual(many.map((_, n) => n));
    expect(seen).toHaveLength(3);
  });

  test("stops at the page that reaches far enough back", async () => {
    const { client, seen } = hostWith(many);
    const entries = await readTranscript(transportOf(client), "ses_a", 100);

    expect(seen).toHaveLength(1);
    expect(entries?.map((entry) => entry.createdAt)).toContain(100);
  });

  test("uses all of the page that is there, so that a clock that was set back hides nothing in it", async () => {
    const { client, seen } = hostWith(many);
    const entries = await readTranscript(transportOf(client), "ses_a", 1_000_000);

    expect(seen).toHaveLength(1);
    expect(entries).toHaveLength(50);
  });

  test("of an empty session is empty", async () => {
    const { client } = hostWith([]);
    expect(await readTranscript(transportOf(client), "ses_a")).toEqual([]);
  });
});

test("the text of a message leaves out the empty part of a connection that broke", () => {
  const parts = ["", "Done."].map((text) => ({ type: "text", text }));
  expect(textOf(parts)).toBe("Done.");
});

describe("steps that were completed after an instant", () => {
  const history = Array.from({ length: 40 }, (_, n) =>
    n % 2 === 0 ? user(`msg_${n}`, n) : step(`msg_${n}`, n, { tokens: { input: n }, cost: n / 10 }),
  );
  const found = async (messages: readonly Stored[], since: number) => {
    const { client, seen } = hostWith(messages);
    const steps = (await readSteps(transportOf(client), "ses_a", since)) ?? [];
    return {
      completed: steps.map((one) => one.step.completedAt),
      pages: seen.length,
      newest: steps.at(-1)?.step,
    };
  };

  test("are read back no farther than to one that was before it", async () => {
    expect(await found(history, 35)).toMatchObject({ completed: [37, 39], pages: 1 });
    expect(await found(history, 39)).toMatchObject({ completed: [], pages: 1 });
    expect((await found(history, 39)).newest).toBeUndefined();
  });

  test("come oldest first over all pages, with their figures", async () => {
    const { completed, pages, newest } = await found(history, -1);
    expect(completed).toEqual(Array.from({ length: 20 }, (_, n) => 2 * n + 1));
    expect(pages).toBe(4);
    expect(newest).toMatchObject({ hostMessageId: "msg_39", tokens: { input: 39 }, cost: 3.9 });
  });

  test("are those that are over: one that was cut off by a crash has no figures", async () => {
    const cutOff = step("msg_41", 41, { time: { created: 41 } });
    expect((await found([...history, user("msg_40", 40), cutOff], 37)).completed).toEqual([39]);
  });

  test("are unknown of a session that is gone", async () => {
    const { client } = fakeClient(() => Response.json({ name: "NotFoundError" }, { status: 404 }));
    expect(await readSteps(transportOf(client), "ses_a", 0)).toBeUndefined();
  });
});

describe("where the visible history starts", () => {
  const compaction = (id: string, at: number, tail?: string): Stored =>
    user(id, at, { type: "compaction", auto: false, ...(tail === undefined ? {} : { tail_start_id: tail }) });
  const summary = (
    id: string,
    at: number,
    parentID: string,
    change: Readonly<Record<string, unknown>> = {},
  ): Stored => step(id, at, { parentID, summary: true, ...change });

  test("at the compaction, or at the first turn that it kept", async () => {
    const before = [user("msg_1", 1), user("msg_2", 2)];
    expect(await boundariesOf([...before, compaction("msg_3", 3), summary("msg_4", 4, "msg_3")])).toEqual([
      "msg_3",
    ]);
    expect(
      await boundariesOf([...before, compaction("msg_3", 3, "msg_2"), summary("msg_4", 4, "msg_3")]),
    ).toEqual(["msg_2"]);
  });

  test("nowhere, while the summary is missing, unfinished or failed", async () => {
    const start = [user("msg_1", 1), compaction("msg_2", 2)];
    const error = { name: "APIError", data: {} };
    expect(await boundariesOf(start)).toEqual([]);
    expect(await boundariesOf([...start, summary("msg_3", 3, "msg_2", { finish: undefined })])).toEqual([]);
    expect(await boundariesOf([...start, summary("msg_3", 3, "msg_2", { error })])).toEqual([]);
  });

  test("with several compactions the newest alone decides", async () => {
    const messages = [
      user("msg_1", 1),
      compaction("msg_2", 2),
      summary("msg_3", 3, "msg_2"),
      user("msg_4", 4),
      compaction("msg_5", 5, "msg_4"),
      summary("msg_6", 6, "msg_5"),
    ];
    expect(await boundariesOf(messages)).toEqual(["msg_4"]);
  });
});
