import { expect, test } from "bun:test";
import { launchOf } from "../../src/opencode/launch.ts";

const started = (...args: readonly string[]): ReturnType<typeof launchOf> =>
  launchOf(["bun", "/$bunfs/root/src/index.js", ...args]);

test("the way the host was started is read from its arguments", () => {
  expect(started("serve", "--port", "0").mode).toBe("serve");
  expect(started("run", "hi").mode).toBe("run");
  expect(started("--log-level", "DEBUG", "run", "serve").mode).toBe("run");
  expect(started("debug", "config").mode).toBe("other");
  expect(started().mode).toBe("other");
  expect(launchOf(["bun", "/$bunfs/root/src/cli/tui/worker.js"]).mode).toBe("tui");
});

test("permissions are granted without asking only where run was told to", () => {
  expect(started("run", "--auto", "hi").autoApprove).toBe(true);
  expect(started("run", "hi").autoApprove).toBe(false);
  expect(started("serve", "--auto").autoApprove).toBe(false);
});
