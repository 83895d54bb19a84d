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
  for (const name of Object.keys(process.env))
    if (/^(FLOTILLA_TEST|OTEL)_/.test(name)) delete process.env[name];
});

/** What the user's shell has set. */
function surroundings(variables: Readonly<Record<string, string>>): void {
  Object.assign(process.env, variables);
}

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

  test("go where OpenTelemetry's own variables say, as they say and with their headers, if nothing else is configured", async () => {
    const { url, spans, requests } = sink();
    surroundings({
      OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/base`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_HEADERS: "x-from=shell,x-more=words%20of%20it",
    });
    const exporter = await loadExporter({}, "1.2.3");
    expect(await exporter.export([SPAN])).toEqual({ kind: "exported" });
    expect(requests[0]?.path).toBe("/base/v1/traces");
    expect(requests[0]?.headers.get("x-from")).toBe("shell");
    expect(requests[0]?.headers.get("x-more")).toBe("words of it");
    expect(spans()).toHaveLength(1);
    await exporter.close();
  });

  test("go by the variables for traces before those for everything", async () => {
    const [all, traces] = [sink(), sink()];
    surroundings({
      OTEL_EXPORTER_OTLP_ENDPOINT: all.url,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${traces.url}/just/here`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_HEADERS: "x-from=all",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: "x-from=traces",
    });
    const exporter = await loadExporter({}, "1.2.3");
    await exporter.export([SPAN]);
    expect(all.requests).toEqual([]);
    expect(traces.requests[0]?.path).toBe("/just/here");
    expect(traces.requests[0]?.headers.get("x-from")).toBe("traces");
    expect(traces.spans()).toHaveLength(1);
    await exporter.close();
  });

  test("go by the configuration before any variable, header by header", async () => {
    const [configured, surrounding] = [sink(), sink()];
    surroundings({
      OTEL_EXPORTER_OTLP_ENDPOINT: surrounding.url,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: surrounding.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=shell,x-team=blue",
      FLOTILLA_TEST_TOKEN: "s3cret",
    });
    const headers = { authorization: "{env:FLOTILLA_TEST_TOKEN}" };
    const exporter = await loadExporter(
      { endpoint: configured.url, protocol: "http/json", headers },
      "1.2.3",
    );
    await exporter.export([SPAN]);
    expect(surrounding.requests).toEqual([]);
    expect(configured.spans()).toHaveLength(1);
    expect(configured.requests[0]?.headers.get("authorization")).toBe("s3cret");
    expect(configured.requests[0]?.headers.get("x-team")).toBe("blue");
    await exporter.close();
  });

  test("name the plugin as who sent them, or what the user's variables name", async () => {
    const { url, resource } = sink();
    const send = async (): Promise<Readonly<Record<string, unknown>>> => {
      const exporter = await loadExporter({ endpoint: url, protocol: "http/json" }, "1.2.3");
      await exporter.export([SPAN]);
      await exporter.close();
      return resource();
    };
    expect(await send()).toMatchObject({ "service.name": "opencode-flotilla", "service.version": "1.2.3" });
    surroundings({ OTEL_RESOURCE_ATTRIBUTES: "service.name=ours,deployment.environment=a%20lab" });
    expect(await send()).toMatchObject({
      "service.name": "ours",
      "service.version": "1.2.3",
      "deployment.environment": "a lab",
    });
    surroundings({ OTEL_SERVICE_NAME: "mine" });
    expect(await send()).toMatchObject({ "service.name": "mine", "deployment.environment": "a lab" });
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
