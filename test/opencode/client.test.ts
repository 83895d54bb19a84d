import { describe, expect, test } from "bun:test";
import { reasonOf, send, sendFor, sendOk, transportOf } from "../../src/opencode/client.ts";
import { fakeClient } from "./fake-client.ts";

const CALL = { method: "GET", path: "/session" } as const;

describe("a call to the host", () => {
  test("goes through the fetch of the plugin's own client", async () => {
    const { client, seen } = fakeClient(() => Response.json([1]));
    const answer = await send(transportOf(client), { ...CALL, directory: "/a b", query: { limit: 2 } });

    expect(answer).toMatchObject({ status: 200, body: [1] });
    expect(seen).toEqual([
      { method: "GET", path: "/session", query: { limit: "2", directory: "/a b" }, body: undefined },
    ]);
  });

  test("ends at its deadline, even when the fetch does not heed the signal", async () => {
    const { client } = fakeClient(() => new Promise(() => {}));
    const late = send(transportOf(client), { ...CALL, deadlineMs: 5 });

    await expect(late).rejects.toMatchObject({ code: "host_timeout", details: { deadlineMs: 5 } });
  });

  test("tells a host that is not there from one that says no", async () => {
    const cause = new TypeError("fetch failed");
    const away = fakeClient(() => Promise.reject(cause));
    await expect(send(transportOf(away.client), CALL)).rejects.toMatchObject({
      code: "host_unreachable",
      cause,
    });

    const refusing = fakeClient(() =>
      Response.json({ name: "BadRequest", data: { message: "no" } }, { status: 400 }),
    );
    await expect(sendOk(transportOf(refusing.client), CALL)).rejects.toMatchObject({
      code: "host_refused",
      details: { status: 400, reason: "no" },
    });
  });

  test("takes a 404 for an answer only where it is one", async () => {
    const { client } = fakeClient(() => new Response("", { status: 404 }));

    expect(await sendFor(transportOf(client), CALL)).toBeUndefined();
    await expect(sendOk(transportOf(client), CALL)).rejects.toMatchObject({ details: { status: 404 } });
  });

  test("is refused at once by a client of an unknown form", () => {
    for (const client of [
      undefined,
      {},
      { _client: {} },
      { _client: { getConfig: () => ({ baseUrl: "x" }) } },
    ]) {
      expect(() => transportOf(client)).toThrow("no transport of a known form");
    }
  });
});

test("the reason of an error is the host's message without its stack", () => {
  const message = "Model not found: mock/zz.\n    at <anonymous> (/$bunfs/root/chunk.js:1:2)";
  const answer = { status: 500, headers: new Headers(), body: { name: "UnknownError", data: { message } } };

  expect(reasonOf(answer)).toBe("Model not found: mock/zz.");
  expect(reasonOf({ ...answer, body: "<html>" })).toBe("<html>");
  expect(reasonOf({ ...answer, body: "" })).toBe("status 500");
});
