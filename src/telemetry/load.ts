import type { SpanExporter } from "../ports.ts";
import type { OtlpOptions } from "./otlp.ts";

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
function resolved(
  headers: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      const found = env[/^\{env:(.+)\}$/.exec(value)?.[1] ?? ""];
      return found === undefined ? [] : [[name, found]];
    }),
  );
}
