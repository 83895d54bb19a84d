import { expect, test } from "bun:test";
import { request } from "node:http";
import { openGangway } from "../../src/opencode/gangway.ts";
import type { Gangway } from "../../src/ports.ts";
import { eventually } from "../support/eventually.ts";

/** A host that is reached by a function alone, as the one in a plain terminal UI. */
async function gangway(
  answer: (asked: Request) => Response | Promise<Response>,
): Promise<
  { gate: Gangway; url: string; asked: Request[]; headers: Record<string, string> } & AsyncDisposable
> {
  const asked: Request[] = [];
  const gate = await openGangway(() => ({
    baseUrl: "http://localhost:4096",
    headers: new Headers({ authorization: "Basic of-the-host", "x-opencode-directory": "/lead" }),
    fetch: async (one) => {
      asked.push(one);
      return answer(one);
    },
  }));
  const { OPENCODE_SERVER_USERNAME: user, OPENCODE_SERVER_PASSWORD: secret } = gate.environment;
  return {
    gate,
    url: gate.command("ses_1", "/a dir")[2] ?? "",
    asked,
    headers: { authorization: `Basic ${btoa(`${user}:${secret}`)}` },
    [Symbol.asyncDispose]: () => gate.close(),
  };
}

const ok = (): Response => new Response("ok");

test("the program that shows a session is told where, which and in what directory, and no secret", async () => {
  await using way = await gangway(ok);
  const command = way.gate.command("ses_1", "/a dir");
  expect(command.slice(1)).toEqual(["attach", way.url, "--session", "ses_1", "--dir", "/a dir"]);
  expect(way.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const secret = way.gate.environment["OPENCODE_SERVER_PASSWORD"] ?? "";
  expect(Buffer.from(secret, "base64url")).toHaveLength(32);
  expect(command.join(" ")).not.toContain(secret);
  await using other = await gangway(ok);
  expect(other.gate.environment["OPENCODE_SERVER_PASSWORD"]).not.toBe(secret);
});

test("a call is handed on as it is, with the host's own credentials, and so is its answer", async () => {
  await using way = await gangway(
    async (asked) =>
      new Response(`${asked.method} ${await asked.text()}`, {
        status: 201,
        headers: { "x-next-cursor": "c1" },
      }),
  );
  const answer = await fetch(`${way.url}/session/ses_1/message?directory=%2Fa%20dir&limit=1`, {
    method: "POST",
    headers: { ...way.headers, "x-opencode-directory": "/a%20dir", "content-type": "application/json" },
    body: '{"text":"grüße"}',
  });
  expect([answer.status, answer.headers.get("x-next-cursor"), await answer.text()]).toEqual([
    201,
    "c1",
    'POST {"text":"grüße"}',
  ]);
  const [asked] = way.asked;
  expect(asked?.url).toBe("http://localhost:4096/session/ses_1/message?directory=%2Fa%20dir&limit=1");
  expect(asked?.headers.get("authorization")).toBe("Basic of-the-host");
  expect(asked?.headers.get("x-opencode-directory")).toBe("/a%20dir");
});

test("whoever does not know the secret is told nothing, and the host hears nothing of it", async () => {
  await using way = await gangway(ok);
  const right = way.headers["authorization"] ?? "";
  for (const authorization of [
    undefined,
    "",
    "Basic",
    `Basic ${btoa("opencode:")}`,
    `${right}x`,
    right.slice(0, -2),
  ]) {
    const answer = await fetch(`${way.url}/session`, {
      headers: authorization === undefined ? {} : { authorization },
    });
    expect([authorization, answer.status, await answer.text()]).toEqual([authorization, 401, ""]);
  }
  const token = await fetch(`${way.url}/session?auth_token=${btoa("opencode:")}`);
  expect([token.status, way.asked.length]).toEqual([401, 0]);
});

test("a request for another host is turned away though it has the secret: a web page may have sent it", async () => {
  await using way = await gangway(ok);
  const { port } = new URL(way.url);
  for (const host of [`localhost:${port}`, "evil.example", "127.0.0.1", `127.0.0.1:${port}.evil.example`]) {
    const status = await new Promise((resolve, reject) => {
      request(`${way.url}/session`, { headers: { ...way.headers, host } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .once("error", reject)
        .end();
    });
    expect([host, status]).toEqual([host, 421]);
  }
  expect(way.asked).toEqual([]);
});

test("no path leads to another host", async () => {
  await using way = await gangway(ok);
  for (const path of ["http://evil.example/x", "//evil.example/x", "@evil.example/x"]) {
    await new Promise((resolve, reject) => {
      request(way.url, { path, headers: way.headers }, (answer) => {
        answer.resume();
        answer.once("end", resolve);
      })
        .once("error", reject)
        .end();
    });
  }
  expect(way.asked.map(({ url }) => new URL(url).host)).toEqual(way.asked.map(() => "localhost:4096"));
});

test("events come one by one while they are new, and the host is told when the listener leaves", async () => {
  let send: ((text: string) => void) | undefined;
  let left = false;
  await using way = await gangway(
    () =>
      new Response(
        new ReadableStream<Uint8Array>({
          start(controller) {
            send = (text) => controller.enqueue(new TextEncoder().encode(text));
          },
          cancel() {
            left = true;
          },
        }),
        { headers: { "content-type": "text/event-stream" } },
      ),
  );
  const leaving = new AbortController();
  const answer = await fetch(`${way.url}/global/event`, { headers: way.headers, signal: leaving.signal });
  const reader = answer.body?.getReader();
  for (const event of ["data: one\n\n", "data: two\n\n"]) {
    send?.(event);
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe(event);
  }
  leaving.abort();
  await eventually(() => expect(left).toBe(true));
});

test("it closes with all that is open, and nobody answers there any more", async () => {
  let left = false;
  const way = await gangway(
    () =>
      new Response(
        new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(new TextEncoder().encode("data: one\n\n")),
          cancel() {
            left = true;
          },
        }),
      ),
  );
  const answer = await fetch(`${way.url}/global/event`, { headers: way.headers });
  const reader = answer.body?.getReader();
  await reader?.read();
  await way.gate.close();
  await eventually(() => expect(left).toBe(true));
  const after = reader?.read().then(({ done }) => done);
  expect(await after?.catch(() => "broken off")).toBeOneOf([true, "broken off"]);
  await expect(fetch(way.url)).rejects.toThrow();
});

test("a host that cannot be reached is a bad gateway, and the next call is served", async () => {
  let broken = true;
  await using way = await gangway(() => {
    if (broken) throw new Error("gone");
    return ok();
  });
  expect((await fetch(way.url, { headers: way.headers })).status).toBe(502);
  broken = false;
  expect((await fetch(way.url, { headers: way.headers })).status).toBe(200);
});

test("an answer that breaks off in the host breaks off, and is taken for no whole one", async () => {
  await using way = await gangway(
    () =>
      new Response(
        new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(new TextEncoder().encode("[1,")),
          pull: (controller) => controller.error(new Error("gone")),
        }),
      ),
  );
  const read = fetch(`${way.url}/session`, { headers: way.headers }).then((answer) => answer.text());
  await expect(read).rejects.toThrow();
});
