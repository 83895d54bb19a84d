import { isFinalStatus } from "../../core/delivery.ts";
import { FlotillaError } from "../../errors.ts";
import type { FailedCall } from "../../ports.ts";

/** Does what needs the host, or says which call it did not carry out. What else goes wrong is thrown on. */
export async function tried<T>(work: () => Promise<T>): Promise<T | FailedCall> {
  try {
    return await work();
  } catch (fault) {
    const failed = fault instanceof FlotillaError ? failedCall(fault) : undefined;
    if (failed) return failed;
    throw fault;
  }
}

function failedCall({ code, message, details }: FlotillaError): FailedCall | undefined {
  if (code === "host_timeout" || code === "host_unreachable") return { kind: "unreachable", reason: message };
  if (code !== "host_refused") return undefined;
  const status = Number(details["status"]);
  return isFinalStatus(status)
    ? { kind: "refused", status, reason: message }
    : { kind: "unreachable", reason: message };
}
