import type { Bench } from "../test/support/bench.ts";
import { type Gate, gate, once, say } from "../test/support/model-replies.ts";
import { mentions } from "../test/support/model-request.ts";
import { bareRoad, type Delivery, deliver, isOf, quiet, type Road, teamRoad } from "./roads.ts";
import { COMPARISON_HEADER, comparisonLine, type Section } from "./section.ts";
import { inTurn, openSide } from "./sides.ts";

const ROUNDS = 15;

/** The first turns of a process boot half of the host; they do not count. */
const WARM_UP = 3;

const AIM = { atMostMore: 20 };

export async function measureDelivery(): Promise<Section> {
  await using bare = await openSide("bare");
  await using on = await openSide("on");
  const roads = {
    alone: await bareRoad(bare, false),
    beside: await bareRoad(bare, true),
    ours: await teamRoad(on),
  };
  const sides = ["alone", "beside", "ours"] as const;
  const idle: Record<(typeof sides)[number], number[]> = { alone: [], beside: [], ours: [] };
  const busy: typeof idle = { alone: [], beside: [], ours: [] };
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    for (const side of inTurn(sides, Math.abs(round))) {
      const [toIdle, toBusy] = await sendTwo(roads[side], `${side}-${round + WARM_UP}`);
      if (round < 0) continue;
      idle[side].push(toIdle.requestedAt - toIdle.sentAt);
      busy[side].push(toBusy.requestedAt - toBusy.sentAt);
    }
  }
  const line = (what: string, bareTimes: readonly number[], ours: readonly number[]): readonly string[] =>
    comparisonLine({ what, unit: "ms", bare: bareTimes, ours, aim: AIM });
  return {
    title: "Delivery",
    method: [
      "Until the request that carries the text arrives at the recipient's model server.",
      "With flotilla: from the moment at which the host ends the lead's `team_send_message` call (`state.time.end` of its tool part: the model has its answer, the message is on disk), to a member.",
      "Bare: from just before `POST /session/:id/prompt_async` to a child session of a host without the plugin; once with nothing else going on, and once at the moment at which another session's tool call has ended, as it is when a lead sends: then that session's next step runs beside the delivery, on the host's one thread, and this alone costs the difference between the two.",
      "Idle: no turn of the recipient runs. Busy: a step of it is held open by its model and ends as soon as the host tells that it has stored the text, so the next step is the first one that can carry it.",
      "Clocks have a resolution of 1 ms.",
    ].join(" "),
    header: COMPARISON_HEADER,
    lines: [
      line("idle recipient; bare: beside another session's step", idle.beside, idle.ours),
      line("busy recipient; bare: beside another session's step", busy.beside, busy.ours),
      line("idle recipient; bare: nothing else going on", idle.alone, idle.ours),
      line("busy recipient; bare: nothing else going on", busy.alone, busy.ours),
    ],
    notes: [],
  };
}

async function sendTwo(road: Road, round: string): Promise<readonly [Delivery, Delivery]> {
  const { bench, recipient } = road;
  await quiet(bench);
  const held = gate();
  const first = `note ${round} idle.`;
  const second = `note ${round} busy.`;
  holdAnswers(bench, recipient, first, second, held);
  const toIdle = await deliver(road, first);
  const stored = bench.host.event(
    ({ type, properties }) =>
      type === "message.part.updated" &&
      isOf(properties["part"], recipient) &&
      JSON.stringify(properties).includes(second),
  );
  const toBusy = deliver(road, second);
  await stored;
  held.open();
  return [toIdle, await toBusy];
}

/** The step that is first sent `first` stays open until `held` opens; everything later is answered at once. */
function holdAnswers(bench: Bench, recipient: string, first: string, second: string, held: Gate): void {
  bench.model.script((request) =>
    request.sessionId === recipient && mentions(request, first) > 0 && mentions(request, second) === 0
      ? once(held, say(""))
      : undefined,
  );
}
