import { describe, expect, test } from "bun:test";
import { Observer } from "../../src/app/observe.ts";
import { SessionIndex } from "../../src/app/session-index.ts";
import { Subagents } from "../../src/app/subagents.ts";
import { type Decoders, type HookDesk, hooks } from "../../src/hooks/hooks.ts";
import { gateOf, surfaceOf } from "../../src/hooks/surface.ts";
import { eventDecoder } from "../../src/opencode/events.ts";

/** Has only what is given; whatever else is done with it fails. */
function untouchable<T extends object>(what: string, given: Partial<T> = {}): T {
  return new Proxy(given, {
    get(_, key) {
      if (Object.hasOwn(given, key)) return given[key as keyof T];
      throw new Error(`${what} was touched: ${String(key)}`);
    },
  }) as T;
}

/** The event hook over the real decoder, index and observer; everything behind them must stay untouched. */
function hotPath() {
  let lookUps = 0;
  class CountingIndex extends SessionIndex {
    override kin(sessionId: string): ReturnType<SessionIndex["kin"]> {
      lookUps += 1;
      return super.kin(sessionId);
    }
  }
  const observer = new Observer(
    untouchable("the world"),
    new CountingIndex(),
    untouchable("the watches"),
    untouchable("the transactor"),
    untouchable("the desk"),
  );
  const subagents = new Subagents(untouchable("the world of subagents"));
  const decoder = eventDecoder(Date.now);
  const faults: unknown[] = [];
  const report = (_name: string, fault: unknown): number => faults.push(fault);
  const { event } = hooks(
    untouchable<Decoders>("another decoder", { event: decoder.decode }),
    untouchable<HookDesk>("the desk", {
      observe(fact) {
        observer.observe(fact);
        subagents.observe(fact);
      },
      subagents: untouchable("the desk of subagents"),
    }),
    surfaceOf(report),
    gateOf(report),
  );
  return {
    lookUps: () => lookUps,
    async tell(told: object): Promise<void> {
      await event?.({ event: told as never });
      expect(faults).toEqual([]);
    },
  };
}

describe("the host's events", () => {
  test("a text delta is not even read", async () => {
    const path = hotPath();
    await path.tell({
      id: "evt_1",
      type: "message.part.delta",
      properties: untouchable("the delta"),
    });
    expect(path.lookUps()).toBe(0);
  });

  test("of a session in no run cost one look-up each, and nothing else of ours is touched", async () => {
    const path = hotPath();
    const properties = { sessionID: "ses_of_nobody" };
    await path.tell({ id: "evt_1", type: "session.idle", properties });
    expect(path.lookUps()).toBe(1);
    await path.tell({
      id: "evt_2",
      type: "session.status",
      properties: { ...properties, status: { type: "busy" } },
    });
    expect(path.lookUps()).toBe(2);
  });
});
