/** The form in which the host hands its client to a plugin, as far as the adapter reads it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** A client whose host answers each request with what `answer` returns, and that records what it was sent. */
export function fakeClient(answer: (request: SeenRequest) => Response | Promise<Response>): {
  readonly client: unknown;
  readonly seen: readonly SeenRequest[];
} {
  const seen: SeenRequest[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const raw = await request.text();
    const one = {
      method: request.method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      body: raw === "" ? undefined : JSON.parse(raw),
    };
    seen.push(one);
    return answer(one);
  };
  const config = {
    baseUrl: "http://localhost:4096",
    headers: new Headers({ "x-opencode-directory": "%2Fwork" }),
    fetch,
  };
  return { client: { _client: { getConfig: () => config } }, seen };
}
