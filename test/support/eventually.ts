/**
 * Runs `assertion` until it stops throwing and answers its value; after `timeoutMs` the last failure is thrown.
 *
 * For what has no event to wait for (a file of another process). Where there is an event, await that instead.
 */
export async function eventually<Value>(
  assertion: () => Value | Promise<Value>,
  { timeoutMs = 10_000, everyMs = 25 }: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<Value> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (failure) {
      if (performance.now() >= deadline) {
        if (failure instanceof Error) failure.message = `still so after ${timeoutMs} ms: ${failure.message}`;
        throw failure;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
