/**
 * The one wrapper of every hook: whatever goes wrong inside is reported and goes no further, because a hook that throws
 * breaks the host's turn, and some break every plugin's.
 */
export type Surface = <Arguments extends readonly unknown[]>(
  name: string,
  hook: (...args: Arguments) => Promise<void> | void,
) => (...args: Arguments) => Promise<void>;

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
