import { type HrTime, SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Span } from "../core/trace/span.ts";
import type { SpanExporter } from "../ports.ts";

/** Where spans are sent to. What is left out is OpenTelemetry's own environment's to say, and then its defaults. */
export interface OtlpOptions {
  /** Base URL of the collector. */
  readonly endpoint?: string;
  readonly protocol?: "http/json" | "http/protobuf";
  readonly headers?: Readonly<Record<string, string>>;
  readonly version: string;
}

const NAME = "opencode-flotilla";

/**
 * Spans by OTLP over HTTP. The only file that knows OpenTelemetry, loaded when the first run is traced and not before: it is
 * an exporter and nothing else. No provider is registered, so that of the host and of other plugins stay what they are, and
 * spans are handed over whole, with the ids and times that the run's journal gave them.
 */
export function openOtlp({ endpoint, protocol, headers, version }: OtlpOptions): SpanExporter {
  const wanted = protocol ?? protocolOf(process.env);
  const settings = {
    ...(endpoint === undefined ? {} : { url: `${endpoint.replace(/\/$/, "")}/v1/traces` }),
    ...(headers === undefined ? {} : { headers: { ...headers } }),
  };
  const exporter = wanted === "http/json" ? new JsonExporter(settings) : new ProtobufExporter(settings);
  const resource = defaultResource()
    .merge(resourceFromAttributes({ "service.name": NAME, "service.version": version }))
    .merge(detectResources({ detectors: [envDetector] }));
  const scope = { name: NAME, version };
  return {
    export: (spans) =>
      new Promise((resolve) => {
        exporter.export(
          spans.map((span) => readable(span, resource, scope)),
          ({ code, error }) => {
            if (code === 0) resolve({ kind: "exported" });
            else resolve({ kind: "failed", ...reasonOf(error) });
          },
        );
      }),
    close: () => exporter.shutdown().catch(() => undefined),
  };
}

/** gRPC is not spoken here; whoever asks for it has a collector that takes protobuf. */
function protocolOf(env: NodeJS.ProcessEnv): "http/json" | "http/protobuf" {
  const named = env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] || env["OTEL_EXPORTER_OTLP_PROTOCOL"];
  return named === "http/json" ? named : "http/protobuf";
}

function reasonOf(error: unknown): { readonly message: string; readonly code?: number } {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  return {
    message: typeof message === "string" && message !== "" ? message : "the collector did not take it",
    ...(typeof code === "number" ? { code } : {}),
  };
}

function readable(
  span: Span,
  resource: ReadableSpan["resource"],
  instrumentationScope: ReadableSpan["instrumentationScope"],
): ReadableSpan {
  const contextOf = (spanId: string) => ({ traceId: span.traceId, spanId, traceFlags: TraceFlags.SAMPLED });
  const [startTime, endTime] = [timeOf(span.startedAt), timeOf(span.endedAt)];
  return {
    name: span.name,
    kind: span.kind === "client" ? SpanKind.CLIENT : SpanKind.INTERNAL,
    spanContext: () => contextOf(span.spanId),
    ...(span.parentId === undefined ? {} : { parentSpanContext: contextOf(span.parentId) }),
    startTime,
    endTime,
    status:
      span.error === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, message: span.error },
    attributes: mutable(span.attributes),
    links: span.links.map(({ spanId, attributes }) => ({
      context: contextOf(spanId),
      attributes: mutable(attributes),
    })),
    events: span.events.map(({ name, at, attributes }) => ({
      name,
      time: timeOf(at),
      attributes: mutable(attributes),
    })),
    duration: timeOf(span.endedAt - span.startedAt),
    ended: true,
    resource,
    instrumentationScope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function timeOf(ms: number): HrTime {
  return [Math.floor(ms / 1_000), Math.round((ms % 1_000) * 1e6)];
}

function mutable(attributes: Span["attributes"]): ReadableSpan["attributes"] {
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [key, typeof value === "object" ? [...value] : value]),
  );
}
