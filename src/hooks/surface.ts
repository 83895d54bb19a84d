import { FAULT_CODES, FlotillaError } from "../errors.ts";

/**
 * The one wrapper of every hook: whatever goes wrong inside is reported and goes no further, because a hook that throws
 * breaks the host's turn, and some break every plugin's.
 */
export type Surface = <Arguments extends readonly unknown[]>(
  name: string,
  hook: (...args: Arguments) => Promise<void> | void,
) => (...args: Arguments) => Promise<void>;

/** A surface that lets a refusal through, as a sentence for a model: thrown before a call, it is the call's result. */
export function gateOf(report: (name: string, fault: unknown) => void): Surface {
  return (name, hook) =>
    async (...args) => {
      try {
        await hook(...args);
      } catch (fault) {
        if (fault instanceof FlotillaError && !(fault.code in FAULT_CODES)) throw fault.said();
        report(name, fault);
      }
    };
}

export function surfaceOf(report: (name: string, fault: unknown) => void): Surface {
  return (name, hook) =>
    async (...args) => {
      try {
        await hook(...args);
      } catch (fault) {
        report(name, fault);
      }
    };
}
