/** A collector on loopback that keeps what it is sent, and answers what a test wants. */
export interface Sink {
  readonly url: string;
  /** Every span that it has taken, oldest first. */
  spans(): readonly SentSpan[];
  /** What the newest of them says of who sent it. */
  resource(): Readonly<Record<string, unknown>>;
  readonly requests: readonly SentRequest[];
  /** From now on; 0 never answers. */
  answers(status: number): void;
  close(): void;
}

export interface SentRequest {
  readonly path: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
  readonly isTaken: boolean;
}

/** As OTLP/JSON has it, as far as tests look. */
export interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly spanId: string }[];
  readonly events: readonly SentEvent[];
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

export interface SentEvent {
  readonly name: string;
  readonly timeUnixNano: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export function openSink(): Sink {
  const requests: SentRequest[] = [];
  let status = 200;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      const body = new Uint8Array(await request.arrayBuffer());
      requests.push({
        path: new URL(request.url).pathname,
        headers: request.headers,
        body,
        isTaken: status === 200,
      });
      if (status === 0) return new Promise<Response>(() => undefined);
      return new Response(status === 200 ? "{}" : "no", { status });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    spans: () => requests.filter(({ isTaken }) => isTaken).flatMap((request) => spansIn(bodyOf(request))),
    resource: () => {
      const newest = requests.at(-1);
      const [sender] = newest ? bodyOf(newest).resourceSpans : [];
      return sender ? withAttributes(sender.resource).attributes : {};
    },
    answers: (wanted) => {
      status = wanted;
    },
    close: () => void server.stop(true),
  };
}

interface Body {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Pair[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly Told<SentSpan & { readonly events: readonly Told<SentEvent>[] }>[];
    }[];
  }[];
}

function bodyOf({ body }: SentRequest): Body {
  return JSON.parse(new TextDecoder().decode(body)) as Body;
}

function spansIn({ resourceSpans }: Body): readonly SentSpan[] {
  return resourceSpans
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ spans }) => spans)
    .map((span) => ({ ...withAttributes(span), events: span.events.map(withAttributes) }));
}

type Told<T> = Omit<T, "attributes"> & { readonly attributes: readonly Pair[] };

function withAttributes<T extends { readonly attributes: readonly Pair[] }>(one: T) {
  return { ...one, attributes: Object.fromEntries(one.attributes.map(pairOf)) };
}

interface Pair {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

function pairOf({ key, value }: Pair): readonly [string, unknown] {
  return [key, value["stringValue"] ?? value["intValue"] ?? value["boolValue"] ?? Object.values(value)[0]];
}
