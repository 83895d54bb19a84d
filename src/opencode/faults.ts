import type { HostFault } from "../core/facts.ts";
import { brief } from "./client.ts";
import { fields, finite, flag, present, text } from "./decode.ts";

/** The host's error object, `{name, data: {message, statusCode?, isRetryable?}}`; undefined when there is none. */
export function faultOf(error: unknown): HostFault | undefined {
  if (error === undefined || error === null) return undefined;
  const { name, data } = fields(error);
  const detail = fields(data);
  return present({
    name: text(name) ?? "UnknownError",
    message: brief(text(detail["message"]) ?? text(fields(error)["message"]) ?? ""),
    statusCode: finite(detail["statusCode"]),
    retryable: flag(detail["isRetryable"]),
  });
}
