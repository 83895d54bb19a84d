import { afterEach, describe, expect, test } from "bun:test";
import type { Span } from "../../src/core/trace/span.ts";
import { loadExporter } from "../../src/telemetry/load.ts";
import { openSink, type Sink } from "./sink.ts";

const sinks: Sink[] = [];
function sink(): Sink {
  const one = openSink();
  sinks.push(one);
  return one;
}
afterEach(() => {
  for (const one of sinks.splice(0)) one.close();
  delete process.env["FLOTILLA_TEST_TOKEN"];
});

const SPAN: Span = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  parentId: "00f067aa0ba902b7",
  name: "chat m",
  kind: "client",
  startedAt: 1_700_000_000_123,
  endedAt: 1_700_000_001_456,
  error: "APIError",
  attributes: { "gen_ai.request.model": "m", "gen_ai.response.finish_reasons": ["stop"], tokens: 5 },
  events: [{ name: "permission.asked", at: 1_700_000_000_500, attributes: { request: "per_1" } }],
  links: [{ spanId: "1111111111111111", attributes: {} }],
};

describe("spans by OTLP", () => {
  test("in JSON have the ids, times, figures and faults that they were given", async () => {
    const { url, spans, requests } = sink();
    const exporter = await loadExporter({ endpoint: url, protocol: "http/json" }, "1.2.3");
    expect(await exporter.export([SPAN])).toEqual({ kind: "exported" });
    expect(requests[0]?.path).toBe("/v1/traces");
    expect(spans()).toMatchObject([
      {
        traceId: SPAN.traceId,
        spanId: SPAN.spanId,
        parentSpanId: "00f067aa0ba902b7",
        name: "chat m",
        kind: 3,
        startTimeUnixNano: "1700000000123000000",
        endTimeUnixNano: "1700000001456000000",
        status: { code: 2, message: "APIError" },
        attributes: { "gen_ai.request.model": "m", tokens: 5 },
        events: [{ name: "permission.asked", timeUnixNano: "1700000000500000000" }],
        links: [{ traceId: SPAN.traceId, spanId: "1111111111111111" }],
      },
    ]);
    await exporter.close();
  });

  test("in protobuf, which is what is sent if nobody says otherwise, are the same bytes of ids", async () => {
    const { url, requests } = sink();
    const exporter = await loadExporter({ endpoint: `${url}/` }, "1.2.3");
    expect(await exporter.export([SPAN])).toEqual({ kind: "exported" });
    expect(requests[0]?.headers.get("content-type")).toBe("application/x-protobuf");
    const [resource] = messages(requests[0]?.body ?? new Uint8Array(), 1);
    const [scope] = messages(resource ?? new Uint8Array(), 2);
    const [span] = messages(scope ?? new Uint8Array(), 2);
    const bytes = (field: number): string =>
      Buffer.from(messages(span ?? new Uint8Array(), field)[0] ?? []).toString("hex");
    expect([bytes(1), bytes(2), bytes(4)]).toEqual([SPAN.traceId, SPAN.spanId, "00f067aa0ba902b7"]);
    expect(Buffer.from(bytes(5), "hex").toString()).toBe("chat m");
    await exporter.close();
  });

  test("carry headers whose values stand in variables; one that is not set is left out", async () => {
    process.env["FLOTILLA_TEST_TOKEN"] = "s3cret";
    const { url, requests } = sink();
    const headers = { authorization: "{env:FLOTILLA_TEST_TOKEN}", "x-none": "{env:FLOTILLA_TEST_NOTHING}" };
    const exporter = await loadExporter({ endpoint: url, protocol: "http/json", headers }, "1.2.3");
    await exporter.export([SPAN]);
    expect(requests[0]?.headers.get("authorization")).toBe("s3cret");
    expect(requests[0]?.headers.has("x-none")).toBe(false);
    await exporter.close();
  });

  test("that a collector refuses, or that reach none, are told with the reason, and nothing is thrown", async () => {
    const refusing = sink();
    refusing.answers(401);
    const exporter = await loadExporter({ endpoint: refusing.url, protocol: "http/json" }, "1.2.3");
    expect(await exporter.export([SPAN])).toMatchObject({ kind: "failed", code: 401 });
    refusing.close();
    expect(await exporter.export([SPAN])).toMatchObject({ kind: "failed", message: expect.any(String) });
    await exporter.close();
  }, 30_000);
});

/** The byte fields of that number in a protobuf message. */
function messages(bytes: Uint8Array, wanted: number): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  const varint = (): number => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const [field, type] = [Math.floor(key / 8), key % 8];
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else {
      const length = varint();
      if (field === wanted) found.push(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return found;
}
