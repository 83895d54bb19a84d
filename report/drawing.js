/** @import { Bar, Letter, Report } from "../src/core/report/report.ts" */
/** @import { Scale } from "./scale.js" */
/** @import { Item, Track, Tracks } from "./tracks.js" */
import { firstIn, RULER, trackOf } from "./tracks.js";
import { offsetOf } from "./words.js";

/** Draws what can be seen. What is thinner than a pixel is drawn once a pixel, so a frame costs what the screen is wide. */

const COLOURS = /** @type {const} */ ([
  "back",
  "stripe",
  "ink",
  "quiet",
  "line",
  "turn",
  "turn-edge",
  "call",
  "tool",
  "wait",
  "task",
  "letter",
  "fault",
  "on-fill",
  "focus",
]);

const FONT = "12px system-ui, sans-serif";
const SMALL = "11px system-ui, sans-serif";

/** A crowd of arrows is drawn finer, so that what lies below can be seen. */
const CROWD = 150;

export class Drawing {
  /** @type {Readonly<Record<(typeof COLOURS)[number], string>>} */
  colours = readColours();

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {Report} report
   * @param {Tracks} tracks
   * @param {Scale} scale
   */
  constructor(pen, report, tracks, scale) {
    this.pen = pen;
    this.report = report;
    this.tracks = tracks;
    this.scale = scale;
  }

  /** After the theme has changed. */
  recolour() {
    this.colours = readColours();
  }

  /**
   * @param {{ width: number, height: number, ratio: number, top: number, chosen: Item | undefined, isShown: (letter: Letter) => boolean }} view
   */
  draw({ width, height, ratio, top, chosen, isShown }) {
    const { pen, scale, colours } = this;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = colours.back;
    pen.fillRect(0, 0, width, height);
    pen.textBaseline = "middle";
    pen.save();
    pen.translate(0, -top);
    this.#stripes(width);
    pen.save();
    pen.beginPath();
    pen.rect(scale.left, top, scale.width, height);
    pen.clip();
    this.#grid(top, height);
    for (const track of this.tracks.all)
      if (track.kind !== "mail" && track.y + track.height > top && track.y < top + height) this.#track(track);
    this.#letters(isShown);
    if (chosen) this.#chosen(chosen);
    pen.restore();
    this.#names();
    pen.restore();
    this.#ruler(width);
  }

  /** @param {number} width */
  #stripes(width) {
    const { pen, colours, tracks } = this;
    for (const [index, { y, height }] of tracks.lanes.entries()) {
      pen.fillStyle = index % 2 === 0 ? colours.stripe : colours.back;
      pen.fillRect(0, y, width, height);
    }
  }

  /** A lane's name, and beside each row what it holds. */
  #names() {
    const { pen, colours, scale, tracks, report } = this;
    for (const [index, { y, height }] of tracks.lanes.entries()) {
      const lane = report.lanes[index];
      if (!lane) continue;
      pen.fillStyle = colours.line;
      pen.fillRect(0, y + height - 0.5, scale.left + scale.width, 1);
      pen.font = `600 ${FONT}`;
      pen.fillStyle = colours.ink;
      pen.fillText(this.#fitting(lane.name, scale.left - 58), 8, y + 18);
      pen.font = SMALL;
      pen.fillStyle = colours.quiet;
      if (lane.seat !== "member")
        pen.fillText(lane.seat === "lead" ? "leads" : "writes only", 8, y + 34, scale.left - 58);
    }
    pen.textAlign = "right";
    for (const { kind, row, y, height } of tracks.all)
      if (kind !== "mail" && row === 0) pen.fillText(`${kind}s`, scale.left - 7, y + height / 2 + 0.5);
    pen.textAlign = "left";
  }

  /** @param {number} top @param {number} height */
  #grid(top, height) {
    const { pen, colours, scale } = this;
    pen.fillStyle = colours.line;
    const step = scale.step();
    for (let at = Math.max(0, Math.ceil(scale.from / step) * step); at <= scale.to; at += step)
      pen.fillRect(Math.round(scale.x(at)), top, 1, height);
  }

  /** @param {number} width */
  #ruler(width) {
    const { pen, colours, scale } = this;
    pen.fillStyle = colours.back;
    pen.fillRect(0, 0, width, RULER);
    pen.fillStyle = colours.line;
    pen.fillRect(0, RULER - 1, width, 1);
    pen.font = SMALL;
    const step = scale.step();
    for (let at = Math.max(0, Math.ceil(scale.from / step) * step); at <= scale.to; at += step) {
      const x = Math.round(scale.x(at));
      pen.fillStyle = colours.quiet;
      pen.fillRect(x, RULER - 6, 1, 5);
      if (x + 40 < width) pen.fillText(offsetOf(at, step), x + 4, RULER / 2);
    }
  }

  /** @param {Track} track */
  #track(track) {
    const { scale } = this;
    let drawnTo = Number.NEGATIVE_INFINITY;
    for (let index = firstIn(track, scale.from); index < track.items.length; index += 1) {
      const { bar } = /** @type {Item} */ (track.items[index]);
      if (!bar || bar.from > scale.to) break;
      const left = scale.x(bar.from);
      const right = Math.max(scale.x(bar.to), left + 2);
      if (right <= drawnTo + 0.5 && bar.error === undefined) continue;
      this.#bar(bar, Math.max(left, scale.left - 4), Math.min(right, scale.left + scale.width + 4), track);
      drawnTo = Math.max(drawnTo, right);
    }
  }

  /**
   * Each kind has a shape of its own besides its colour: turns are framed, waits hatched, tasks a line with ends; what
   * failed has a cross, what goes on is open to the right.
   * @param {Bar} bar @param {number} left @param {number} right @param {Track} track
   */
  #bar(bar, left, right, { y, height }) {
    const { pen, colours } = this;
    const width = right - left;
    if (bar.kind === "turn") {
      pen.fillStyle = colours.turn;
      pen.fillRect(left, y, width, height);
      if (width > 3) this.#frame(left, y, width, height, colours["turn-edge"], bar.open);
    } else if (bar.kind === "task") {
      pen.fillStyle = colours.task;
      pen.fillRect(left, y + height - 3, width, 2);
      pen.fillRect(left, y + 2, 2, height - 3);
      if (!bar.open) pen.fillRect(right - 2, y + 2, 2, height - 3);
    } else if (bar.kind === "wait") {
      this.#hatch(left, y, width, height);
    } else {
      pen.fillStyle = bar.kind === "call" ? colours.call : colours.tool;
      pen.fillRect(left, y, Math.max(width - 0.5, 1), height);
    }
    if (bar.open && bar.kind !== "task") this.#openEnd(right, y, height);
    if (bar.error !== undefined) this.#cross(left, y, width, height);
    if (width > 34) this.#label(bar, left, y, width, height);
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height @param {string} colour @param {boolean} [open] */
  #frame(x, y, width, height, colour, open) {
    const { pen } = this;
    pen.strokeStyle = colour;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x + width, y + 0.5);
    pen.lineTo(x + 0.5, y + 0.5);
    pen.lineTo(x + 0.5, y + height - 0.5);
    pen.lineTo(x + width, y + height - 0.5);
    if (!open) pen.closePath();
    pen.stroke();
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  #hatch(x, y, width, height) {
    const { pen, colours } = this;
    pen.save();
    pen.beginPath();
    pen.rect(x, y, width, height);
    pen.clip();
    pen.strokeStyle = colours.wait;
    pen.lineWidth = 2;
    pen.beginPath();
    const first = Math.floor((x - height) / 6) * 6;
    for (let at = first; at < x + width; at += 6) {
      pen.moveTo(at, y + height);
      pen.lineTo(at + height, y);
    }
    pen.stroke();
    pen.restore();
    this.#frame(x, y, width, height, colours.wait);
  }

  /** @param {number} x @param {number} y @param {number} height */
  #openEnd(x, y, height) {
    const { pen, colours } = this;
    pen.fillStyle = colours.ink;
    pen.beginPath();
    pen.moveTo(x - 5, y);
    pen.lineTo(x, y + height / 2);
    pen.lineTo(x - 5, y + height);
    pen.fill();
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  #cross(x, y, width, height) {
    const { pen, colours } = this;
    this.#frame(x, y, Math.max(width, 3), height, colours.fault);
    const [middle, size] = [x + Math.min(width / 2, 8), Math.min(4, height / 2 - 1)];
    for (const [colour, thickness] of /** @type {const} */ ([
      [colours.back, 5],
      [colours.fault, 2],
    ])) {
      pen.strokeStyle = colour;
      pen.lineWidth = thickness;
      pen.beginPath();
      pen.moveTo(middle - size, y + height / 2 - size);
      pen.lineTo(middle + size, y + height / 2 + size);
      pen.moveTo(middle + size, y + height / 2 - size);
      pen.lineTo(middle - size, y + height / 2 + size);
      pen.stroke();
    }
  }

  /** @param {Bar} bar @param {number} left @param {number} y @param {number} width @param {number} height */
  #label(bar, left, y, width, height) {
    const { pen, colours, scale } = this;
    pen.font = bar.kind === "turn" ? FONT : SMALL;
    const start = Math.max(left, scale.left) + (bar.error === undefined ? 5 : 18);
    const room = left + width - start - 5;
    if (room < 20) return;
    const said = this.#fitting(bar.name, room);
    const isFilled = bar.kind === "call" || bar.kind === "tool";
    pen.fillStyle = isFilled ? colours["on-fill"] : colours.ink;
    const middle = y + height / 2 + (bar.kind === "task" ? -1.5 : 0.5);
    if (bar.kind === "wait") {
      pen.save();
      pen.fillStyle = colours.back;
      pen.fillRect(start - 3, y + 1, pen.measureText(said).width + 6, height - 2);
      pen.restore();
    }
    pen.fillText(said, start, middle);
  }

  /** @param {string} text @param {number} room */
  #fitting(text, room) {
    const { pen } = this;
    // Letters are about that wide: what is much too long is not measured as a whole.
    const likely = text.slice(0, Math.ceil(room / 3));
    if (likely === text && pen.measureText(text).width <= room) return text;
    let [low, high] = [0, likely.length];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (pen.measureText(`${likely.slice(0, middle)}…`).width <= room) low = middle;
      else high = middle - 1;
    }
    return low === 0 ? "" : `${likely.slice(0, low)}…`;
  }

  /** @param {(letter: Letter) => boolean} isShown */
  #letters(isShown) {
    const { pen, colours, scale } = this;
    const { mail } = this.tracks;
    /** @type {Letter[]} */
    const seen = [];
    for (let index = firstIn(mail, scale.from); index < mail.items.length; index += 1) {
      const { letter } = /** @type {Item} */ (mail.items[index]);
      if (!letter || letter.sentAt > scale.to) break;
      if (isShown(letter)) seen.push(letter);
    }
    const isCrowd = seen.length > CROWD;
    const share = CROWD / Math.max(seen.length, CROWD);
    pen.strokeStyle = colours.letter;
    pen.fillStyle = colours.letter;
    pen.globalAlpha = Math.max(0.9 * share, 0.2);
    pen.lineWidth = isCrowd ? 0.6 : 1.2;
    for (const [state, dashes] of /** @type {const} */ ([
      ["read", []],
      ["waiting", [3, 3]],
      ["given up", [1, 3]],
    ])) {
      pen.setLineDash([...dashes]);
      // One by one: a path of thousands that cross each other costs five times as much.
      for (const letter of seen) if (letter.state === state) this.#stroke(letter);
    }
    pen.setLineDash([]);
    for (const letter of seen) this.#head(letter, isCrowd ? 4 : 6);
    pen.globalAlpha = 1;
  }

  /** @param {Letter} letter */
  ends({ from, to, sentAt, readAt = sentAt }) {
    const { lanes } = this.tracks;
    const { scale } = this;
    return {
      x1: scale.x(sentAt),
      y1: lanes[from]?.middle ?? 0,
      x2: scale.x(readAt),
      y2: lanes[to]?.middle ?? 0,
    };
  }

  /** @param {Letter} letter */
  #stroke(letter) {
    const { x1, y1, x2, y2 } = this.ends(letter);
    const { pen } = this;
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.lineTo(x2, y2);
    pen.stroke();
  }

  /** @param {Letter} letter @param {number} size */
  #head(letter, size) {
    const { x1, y1, x2, y2 } = this.ends(letter);
    const length = Math.hypot(x2 - x1, y2 - y1) || 1;
    const [dx, dy] = [((x2 - x1) / length) * size, ((y2 - y1) / length) * size];
    const { pen } = this;
    pen.beginPath();
    pen.moveTo(x2, y2);
    pen.lineTo(x2 - dx - dy / 2, y2 - dy + dx / 2);
    pen.lineTo(x2 - dx + dy / 2, y2 - dy - dx / 2);
    pen.fill();
  }

  /** @param {Item} item */
  #chosen(item) {
    const { bar, letter } = item;
    const { pen, colours, scale, tracks } = this;
    pen.strokeStyle = colours.focus;
    pen.fillStyle = colours.focus;
    pen.lineWidth = 3;
    if (letter) {
      this.#stroke(letter);
      this.#head(letter, 11);
      return;
    }
    const track = trackOf(tracks, item);
    if (!track) return;
    const left = scale.x(bar.from);
    pen.lineWidth = 2;
    pen.strokeRect(left - 2, track.y - 2, Math.max(scale.x(bar.to) - left, 2) + 4, track.height + 4);
  }
}

/** A canvas knows no variables and no `light-dark()`: an element is asked what they come to. */
function readColours() {
  const probe = document.body.appendChild(document.createElement("i"));
  const read = (/** @type {string} */ name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const colours = Object.fromEntries(COLOURS.map((name) => [name, read(name)]));
  probe.remove();
  return /** @type {Record<(typeof COLOURS)[number], string>} */ (colours);
}
