/** @import { Bar, BarKind, Letter, Report } from "../src/core/report/report.ts" */

/** Where everything stands from top to bottom, and what stands in it from left to right. */

/** @type {readonly BarKind[]} */
export const KINDS = ["turn", "call", "tool", "wait", "task"];

/** @type {Readonly<Record<BarKind, number>>} */
const HEIGHTS = { turn: 18, call: 13, tool: 13, wait: 11, task: 15 };
const GAP = 3;
const LANE_AIR = 9;
const LANE_MIN = 46;
export const RULER = 26;

/**
 * A row of bars, or the mail that somebody sent. `ends` is the latest end up to each, so that what can be seen is found by
 * halving.
 * @typedef {object} Track
 * @property {number} lane
 * @property {BarKind | "mail"} kind
 * @property {number} row
 * @property {number} y
 * @property {number} height
 * @property {readonly Item[]} items
 * @property {readonly number[]} ends
 */

/**
 * One thing that can be chosen.
 * @typedef {{ readonly bar: Bar, readonly letter?: undefined, readonly from: number, readonly to: number }
 *   | { readonly letter: Letter, readonly bar?: undefined, readonly from: number, readonly to: number }} Item
 */

/** @typedef {{ readonly y: number, readonly height: number, readonly middle: number }} LanePlace */

export class Tracks {
  /** @type {readonly Track[]} */
  all;
  /** @type {readonly LanePlace[]} */
  lanes;
  /** All mail by its sending. @type {Track} */
  mail;
  height = RULER;

  /** @param {Report} report */
  constructor({ lanes, bars, letters }) {
    const itemsOf = Map.groupBy(
      bars.map((bar) => ({ bar, from: bar.from, to: bar.to })),
      ({ bar }) => `${bar.lane} ${bar.kind} ${bar.row}`,
    );
    const post = letters.map((letter) => ({
      letter,
      from: letter.sentAt,
      to: letter.readAt ?? letter.sentAt,
    }));
    /** @type {Track[]} */
    const tracks = [];
    this.lanes = lanes.map(({ rows }, lane) => {
      const y = this.height;
      this.height += LANE_AIR;
      for (const kind of KINDS)
        for (let row = 0; row < rows[kind]; row += 1) {
          const items = itemsOf.get(`${lane} ${kind} ${row}`) ?? [];
          tracks.push({ lane, kind, row, y: this.height, height: HEIGHTS[kind], items, ends: endsOf(items) });
          this.height += HEIGHTS[kind] + GAP;
        }
      this.height = Math.max(this.height + LANE_AIR - GAP, y + LANE_MIN);
      const middle = rows.turn > 0 ? y + LANE_AIR + HEIGHTS.turn / 2 : (y + this.height) / 2;
      const sent = post.filter(({ letter }) => letter.from === lane);
      tracks.push({ lane, kind: "mail", row: 0, y: middle, height: 0, items: sent, ends: endsOf(sent) });
      return { y, height: this.height - y, middle };
    });
    this.all = tracks;
    this.mail = { lane: 0, kind: "mail", row: 0, y: 0, height: 0, items: post, ends: endsOf(post) };
  }
}

/**
 * Where a bar or a letter stands.
 * @param {Tracks} tracks
 * @param {Item} item
 */
export function trackOf({ all }, { bar, letter }) {
  return all.find((track) =>
    letter
      ? track.kind === "mail" && track.lane === letter.from
      : track.lane === bar.lane && track.kind === bar.kind && track.row === bar.row,
  );
}

/** @param {readonly Item[]} items */
function endsOf(items) {
  let end = Number.NEGATIVE_INFINITY;
  return items.map(({ to }) => {
    end = Math.max(end, to);
    return end;
  });
}

/**
 * The first that may reach into what begins there.
 * @param {Track} track
 * @param {number} from
 */
export function firstIn({ ends }, from) {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {number} */ (ends[middle]) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
