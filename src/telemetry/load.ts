import type { SpanExporter } from "../ports.ts";
import type { OtlpOptions } from "./otlp.ts";

/** By name; as configured each value is a reference to an environment variable. */
type Headers = Readonly<Record<string, string>>;

/** As a user has configured it; headers name environment variables. */
export type ExporterOptions = Omit<OtlpOptions, "version">;

/** The exporter as the user has configured it. Its packages are loaded here and nowhere else. */
export async function loadExporter(options: ExporterOptions, version: string): Promise<SpanExporter> {
  const { openOtlp } = await import("./otlp.ts");
  return openOtlp(otlpOptions(options, version, process.env));
}

function otlpOptions(
  { endpoint, protocol, headers }: ExporterOptions,
  version: string,
  env: NodeJS.ProcessEnv,
): OtlpOptions {
  return {
    version,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(headers === undefined ? {} : { headers: resolved(headers, env) }),
  };
}

/** `{env:NAME}` becomes what the variable holds now; a header whose variable is not set is not sent. */
function resolved(headers: Headers, env: NodeJS.ProcessEnv): Headers {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      const found = env[variableOf(value)];
      return found === undefined ? [] : [[name, found]];
    }),
  );
}

/** The headers that are not sent, each with the variable that is not set. */
export function unsentHeaders(
  headers: Headers,
  env: NodeJS.ProcessEnv,
): readonly { readonly header: string; readonly variable: string }[] {
  return Object.entries(headers)
    .map(([header, value]) => ({ header, variable: variableOf(value) }))
    .filter(({ variable }) => env[variable] === undefined);
}

function variableOf(reference: string): string {
  return /^\{env:(.+)\}$/.exec(reference)?.[1] ?? "";
}
