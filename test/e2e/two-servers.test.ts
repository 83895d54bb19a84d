import { describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Bench, openBench } from "../support/bench.ts";
import { eventually } from "../support/eventually.ts";
import type { Host } from "../support/host.ts";
import { call, gate, once, say } from "../support/model-replies.ts";
import { type ModelRequest, mentions } from "../support/model-request.ts";

/**
 * Two OpenCode processes on one home: they share the host's database and our files, and see nothing of each other's
 * running turns.
 */
describe("two servers on one run", () => {
  test("each message causes one turn, whichever server its sender runs in", async () => {
    await using bench = await openBench({ teamMode: { enabled: true } });
    const { model, host } = bench;
    const { lead, ada } = await team(bench);
    const other = await bench.secondHost();

    const count = 20;
    for (let turn = 1; turn <= count; turn += 1) {
      const from = turn % 2 === 0 ? host : other;
      model.program({
        when: "lead",
        steps: [call("team_send_message", { to: "ada", body: `order ${turn}.` }), say("Sent.")],
      });
      await from.prompt(lead, `Send order ${turn}.`);
    }
    const orders = Array.from({ length: count }, (_, at) => `order ${at + 1}.`);
    await model.request((request) => request.sessionId === ada && mentions(request, orders.at(-1) ?? "") > 0);
    const last = model.requestsOf(ada).at(-1);
    expect(orders.map((order) => mentions(last as ModelRequest, order))).toEqual(orders.map(() => 1));
    await eventually(async () => expect(await reserved(host, "ada")).toEqual([]));
    // Every order was the newest thing in at most one request that began a turn.
    for (const order of orders) {
      const begun = model.requestsOf(ada).filter((request) => request.lastUserText.includes(order));
      expect(begun.length).toBeLessThanOrEqual(1);
    }
  }, 120_000);

  test("a killed owner's run is taken over within 5 s, and what was on its way arrives once", async () => {
    await using bench = await openBench({ teamMode: { enabled: true } });
    const { model, host } = bench;
    const { lead, ada } = await team(bench);
    const other = await bench.secondHost();
    await other.sessions();
    await eventually(async () => expect(await other.sessions()).not.toEqual([]));

    const door = { ...gate(), isOpen: false };
    model.script((request) =>
      request.sessionId === ada && request.lastUserText.includes("the order") && !door.isOpen
        ? once(door, say("never"))
        : undefined,
    );
    model.program({
      when: "lead",
      steps: [call("team_send_message", { to: "ada", body: "the order" }), say("Sent.")],
    });
    await host.prompt(lead, "Send the order.");
    await model.request((request) => request.sessionId === ada && mentions(request, "the order") > 0);
    const killedAt = Date.now();
    await host.kill9();
    door.isOpen = true;

    const again = await model.request(
      (request) =>
        request.sessionId === ada && request.receivedAt > killedAt && mentions(request, "the order") > 0,
    );
    expect(again.receivedAt - killedAt).toBeLessThan(5_000);
    expect(mentions(again, "the order")).toBe(1);
    await eventually(async () => expect(await reserved(other, "ada")).toEqual([]));
  }, 120_000);
});

async function team({ host, model }: Bench): Promise<{ readonly lead: string; readonly ada: string }> {
  const lead = await host.session({ title: "lead" });
  model.name("lead", lead.id);
  model.program({
    when: "lead",
    steps: [
      call("team_create", {
        inline_spec: {
          name: "pair",
          members: [{ name: "ada", subagent_type: "general", prompt: "You are ADA." }],
        },
      }),
      call("team_status", { waitFor: "message" }),
      say("Ready."),
    ],
  });
  await host.prompt(lead.id, "Make a team of one.");
  const [member] = await host.children(lead.id);
  if (!member) throw new Error("no member was made");
  return { lead: lead.id, ada: member.id };
}

/** Files of messages that are on their way to the member. */
async function reserved(host: Host, member: string): Promise<readonly string[]> {
  const runs = join(host.home, ".local", "share", "opencode-flotilla", "runs");
  const [run = ""] = await readdir(runs);
  const names = await readdir(join(runs, run, "inboxes", member));
  return names.filter((name) => name.startsWith(".") || name.endsWith(".json"));
}
