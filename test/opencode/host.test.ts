import { describe, expect, test } from "bun:test";
import { openHost } from "../../src/opencode/host.ts";
import { fakeClient } from "./fake-client.ts";

function instance(): ReturnType<typeof fakeClient> {
  return fakeClient(({ path }) =>
    path === "/session/status"
      ? Response.json({})
      : Response.json({ id: "ses_a", directory: "/elsewhere", data: { message: "x" } }),
  );
}

describe("a host of several instances", () => {
  test("without any is unreachable, and says so", async () => {
    const host = openHost(() => 0);
    await expect(host.session("ses_a")).rejects.toMatchObject({ code: "host_unreachable" });
  });

  test("asks the directory's own instance, and another one when that is gone", async () => {
    const host = openHost(() => 0);
    const one = instance();
    const two = instance();
    const detachOne = host.attach("/one", one.client);
    host.attach("/two", two.client);

    await host.agents("/one");
    expect([one.seen.length, two.seen.length]).toEqual([1, 0]);

    detachOne();
    detachOne();
    await host.agents("/one");
    expect([one.seen.length, two.seen.length]).toEqual([1, 1]);
    expect(two.seen[0]?.query).toEqual({ directory: "/one" });
  });

  test("of two instances of one directory the newer is asked", async () => {
    const host = openHost(() => 0);
    const first = instance();
    const second = instance();
    host.attach("/one", first.client);
    const detach = host.attach("/one", second.client);

    await host.agents("/one");
    detach();
    await host.agents("/one");

    expect([first.seen.length, second.seen.length]).toEqual([1, 1]);
  });

  test("aborts a session in its own directory, which it remembers after the row is gone", async () => {
    const host = openHost(() => 0);
    let gone = false;
    const { client, seen } = fakeClient(({ path }) => {
      if (path !== "/session/ses_a") return Response.json({});
      return gone
        ? new Response("", { status: 404 })
        : Response.json({ id: "ses_a", directory: "/elsewhere" });
    });
    host.attach("/one", client);

    await host.session("ses_a");
    gone = true;
    await host.abort("ses_a");

    const aborts = seen.filter(({ method }) => method === "POST");
    expect(aborts.map(({ path, query }) => [path, query])).toEqual([
      ["/session/ses_a/abort", { directory: "/elsewhere" }],
    ]);
  });

  test("aborts a session that nobody knows in every directory it serves", async () => {
    const host = openHost(() => 0);
    const gone = fakeClient(({ path }) => {
      if (path === "/session/ses_b") return new Response("", { status: 404 });
      return Response.json(path.endsWith("/abort") ? true : {});
    });
    host.attach("/one", gone.client);
    host.attach("/two", gone.client);

    await host.abort("ses_b");

    const aborts = gone.seen.filter(({ method }) => method === "POST");
    expect(aborts.map(({ query }) => query["directory"])).toEqual(["/one", "/two"]);
  });

  test("a toast that cannot be shown is a line in the log", async () => {
    const host = openHost(() => 0);
    const { client, seen } = fakeClient(({ path }) =>
      path === "/log" ? Response.json(true) : new Response("", { status: 500 }),
    );
    host.attach("/one", client);

    await host.toast("/one", "info", "hello");

    expect(seen.at(-1)).toMatchObject({
      path: "/log",
      body: { service: "flotilla", level: "warn", extra: { text: "hello" } },
    });
  });

  test("lines that could not be logged are counted in the next one that can", async () => {
    const host = openHost(() => 0);
    host.log("info", "too early");
    const { client, seen } = fakeClient(() => Response.json(true));
    host.attach("/one", client);

    host.log("info", "in time", { runId: "run_1" });
    await Promise.resolve();

    expect(seen.map(({ body }) => body)).toEqual([
      { service: "flotilla", level: "info", message: "in time", extra: { runId: "run_1", linesLost: 1 } },
    ]);
  });
});
