/** @import { Letter, Report } from "../src/core/report/report.ts" */
/** @import { Item, Track } from "./tracks.js" */
import { Drawing } from "./drawing.js";
import { Scale } from "./scale.js";
import { firstIn, RULER, Tracks, trackOf } from "./tracks.js";
import { element, lengthOf } from "./words.js";

/** The picture with what a hand does to it. */

/** How near is near enough, in pixels. */
const NEAR = 5;
const GUTTER = 150;
const NARROW_GUTTER = 104;
const ZOOM = 1.5;

export class Timeline {
  /** @type {Item | undefined} */
  chosen;
  /** Whose mail is shown: a lane, everybody's, or nobody's. @type {number | "all" | "none"} */
  mailOf = "all";
  /** Told when something is chosen, by hand or key. @type {(item: Item | undefined) => void} */
  onChoose = () => undefined;

  /** @param {Report} report */
  constructor(report) {
    this.report = report;
    this.canvas = /** @type {HTMLCanvasElement} */ (element("timeline"));
    this.scroller = element("scroller");
    this.hint = element("hint");
    this.tracks = new Tracks(report);
    this.scale = new Scale(report.run.lengthMs);
    const pen = this.canvas.getContext("2d", { alpha: false });
    if (!pen) throw new Error("this browser draws no canvas");
    this.drawing = new Drawing(pen, report, this.tracks, this.scale);
    element("extent").style.height = `${this.tracks.height}px`;
    this.#listen();
    new ResizeObserver(() => this.#resize()).observe(this.scroller);
    this.#resize();
  }

  /** Once a frame at most, however often it is asked for. */
  redraw() {
    if (this.frame !== undefined) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = undefined;
      this.draw();
    });
  }

  draw() {
    this.drawing.draw({
      width: this.width,
      height: this.height,
      ratio: this.ratio,
      top: this.scroller.scrollTop,
      chosen: this.chosen,
      isShown: (letter) => this.isShown(letter),
    });
  }

  /** @param {Letter} letter */
  isShown({ from, to }) {
    return this.mailOf === "all" || (this.mailOf !== "none" && (from === this.mailOf || to === this.mailOf));
  }

  recolour() {
    this.drawing.recolour();
    this.redraw();
  }

  /** @param {Item | undefined} item */
  choose(item) {
    this.chosen = item;
    if (item) this.#reveal(item);
    this.redraw();
    this.onChoose(item);
  }

  /** @param {Item} item */
  zoomTo(item) {
    const air = Math.max((item.to - item.from) * 0.3, 50);
    this.scale.show(item.from - air, item.to + air);
    this.redraw();
  }

  /** @param {number} lane */
  showLane(lane) {
    const place = this.tracks.lanes[lane];
    if (place) this.scroller.scrollTop = place.y - RULER;
    this.redraw();
  }

  width = 1;
  height = 1;
  ratio = 1;
  /** @type {number | undefined} */
  frame;

  #resize() {
    this.width = this.scroller.clientWidth;
    // All of it, or as much as the page has room for: the rest is scrolled to.
    this.height = Math.min(this.tracks.height, Math.round(window.innerHeight * 0.76));
    this.ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.width * this.ratio);
    this.canvas.height = Math.round(this.height * this.ratio);
    this.canvas.style.height = `${this.height}px`;
    this.scale.left = this.width < 600 ? NARROW_GUTTER : GUTTER;
    this.scale.width = Math.max(this.width - this.scale.left, 1);
    this.draw();
  }

  #listen() {
    const { canvas, scroller } = this;
    scroller.addEventListener("scroll", () => this.redraw());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("pointerdown", (event) => this.#drag(event));
    canvas.addEventListener("pointermove", (event) => this.#hover(event));
    canvas.addEventListener("pointerleave", () => this.#hideHint());
    element("zoom-in").addEventListener("click", () => this.#zoom(1 / ZOOM));
    element("zoom-out").addEventListener("click", () => this.#zoom(ZOOM));
    element("fit").addEventListener("click", () => this.#fit());
  }

  /** Up and down scroll as everywhere; what else a wheel can say moves the time. @param {WheelEvent} event */
  #wheel(event) {
    const isZoom = event.ctrlKey || event.metaKey;
    const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
    if (!isZoom && sideways === 0) return;
    event.preventDefault();
    if (isZoom) this.scale.zoom(Math.exp(event.deltaY * 0.002), event.offsetX);
    else this.scale.pan(sideways);
    this.redraw();
  }

  /** @param {PointerEvent} start */
  #drag(start) {
    if (start.button !== 0) return;
    const { canvas } = this;
    let [x, y, moved] = [start.clientX, start.clientY, 0];
    const gone = new AbortController();
    canvas.setPointerCapture(start.pointerId);
    canvas.addEventListener(
      "pointermove",
      (event) => {
        moved += Math.abs(event.clientX - x) + Math.abs(event.clientY - y);
        this.scale.pan(x - event.clientX);
        if (event.pointerType === "mouse") this.scroller.scrollTop += y - event.clientY;
        [x, y] = [event.clientX, event.clientY];
        this.redraw();
      },
      { signal: gone.signal },
    );
    const end = (/** @type {PointerEvent} */ event) => {
      gone.abort();
      if (event.type === "pointerup" && moved < NEAR) this.choose(this.at(event.offsetX, event.offsetY));
    };
    for (const name of /** @type {const} */ (["pointerup", "pointercancel"]))
      canvas.addEventListener(name, end, { signal: gone.signal });
  }

  /** @param {PointerEvent} event */
  #hover(event) {
    const item = event.buttons === 0 ? this.at(event.offsetX, event.offsetY) : undefined;
    this.canvas.style.cursor = item ? "pointer" : "grab";
    if (!item) {
      this.#hideHint();
      return;
    }
    const { hint } = this;
    hint.hidden = false;
    hint.textContent = saidOf(item, this.report);
    hint.style.left = `${Math.min(event.clientX + 12, window.innerWidth - hint.offsetWidth - 8)}px`;
    hint.style.top = `${event.clientY + 16}px`;
  }

  #hideHint() {
    this.hint.hidden = true;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = event.shiftKey ? this.#withShift[event.key] : this.#keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** @type {Readonly<Record<string, () => void>>} */
  #keys = {
    ArrowRight: () => this.#step(1),
    ArrowLeft: () => this.#step(-1),
    ArrowDown: () => this.#change(1),
    ArrowUp: () => this.#change(-1),
    Home: () => this.#step(Number.NEGATIVE_INFINITY),
    End: () => this.#step(Number.POSITIVE_INFINITY),
    PageUp: () => this.#pan(-0.9),
    PageDown: () => this.#pan(0.9),
    "+": () => this.#zoom(1 / ZOOM),
    "=": () => this.#zoom(1 / ZOOM),
    "-": () => this.#zoom(ZOOM),
    0: () => this.#fit(),
    Enter: () => element("details").focus(),
    Escape: () => this.choose(undefined),
  };

  /** @type {Readonly<Record<string, () => void>>} */
  #withShift = {
    ArrowRight: () => this.#pan(0.2),
    ArrowLeft: () => this.#pan(-0.2),
    // Where plus is on many keyboards.
    "+": () => this.#zoom(1 / ZOOM),
    "*": () => this.#zoom(1 / ZOOM),
    _: () => this.#zoom(ZOOM),
  };

  /** @param {number} factor */
  #zoom(factor) {
    const { chosen, scale } = this;
    const x = chosen ? scale.x((chosen.from + chosen.to) / 2) : Number.NaN;
    scale.zoom(factor, x >= scale.left && x <= this.width ? x : undefined);
    this.redraw();
  }

  #fit() {
    this.scale.fit();
    this.redraw();
  }

  /** @param {number} share of what is seen */
  #pan(share) {
    this.scale.pan(this.scale.width * share);
    this.redraw();
  }

  /** To the next of the same row. @param {number} by */
  #step(by) {
    const track = (this.chosen && trackOf(this.tracks, this.chosen)) ?? this.#tracks()[0];
    if (!track) return;
    const at = this.chosen ? track.items.findIndex((item) => isSame(item, this.chosen)) : -Math.sign(by);
    this.choose(track.items[Math.min(Math.max(at + by, 0), track.items.length - 1)]);
  }

  /** To the nearest in another row. @param {number} by */
  #change(by) {
    const tracks = this.#tracks();
    const own = this.chosen && trackOf(this.tracks, this.chosen);
    const at = own ? tracks.indexOf(own) + by : 0;
    const track = tracks[at];
    if (!track) return;
    this.choose(nearest(track, this.chosen?.from ?? this.scale.from));
  }

  #tracks() {
    return this.tracks.all.filter(({ items }) => items.length > 0);
  }

  /** @param {Item} item */
  #reveal(item) {
    this.scale.reveal(item.from, item.to);
    const { scroller, height } = this;
    const { y = 0, height: tall = 0 } = trackOf(this.tracks, item) ?? {};
    if (y - RULER < scroller.scrollTop) scroller.scrollTop = y - RULER - 20;
    else if (y + tall > scroller.scrollTop + height) scroller.scrollTop = y + tall - height + 20;
  }

  /**
   * What is at that place of the picture: a bar, or else the nearest letter.
   * @param {number} x @param {number} y
   * @returns {Item | undefined}
   */
  at(x, y) {
    if (x < this.scale.left || y < RULER) return undefined;
    const inside = y + this.scroller.scrollTop;
    const track = this.tracks.all.find(
      (one) => one.kind !== "mail" && inside >= one.y - 1 && inside <= one.y + one.height + 1,
    );
    return (track && this.#barAt(track, x)) ?? this.#letterAt(x, inside);
  }

  /** @param {Track} track @param {number} x */
  #barAt(track, x) {
    const [from, to] = [this.scale.at(x - NEAR), this.scale.at(x + NEAR)];
    const at = this.scale.at(x);
    /** @type {Item | undefined} */
    let best;
    for (let index = firstIn(track, from); index < track.items.length; index += 1) {
      const item = /** @type {Item} */ (track.items[index]);
      if (item.from > to) break;
      if (!best || distance(item, at) <= distance(best, at)) best = item;
    }
    return best && distance(best, at) <= this.scale.at(x + NEAR) - at ? best : undefined;
  }

  /** @param {number} x @param {number} y */
  #letterAt(x, y) {
    const { mail } = this.tracks;
    let [best, bestDistance] = [/** @type {Item | undefined} */ (undefined), NEAR];
    const until = this.scale.at(x + NEAR);
    for (let index = firstIn(mail, this.scale.at(x - NEAR)); index < mail.items.length; index += 1) {
      const item = /** @type {Item} */ (mail.items[index]);
      if (item.from > until) break;
      if (!item.letter || !this.isShown(item.letter)) continue;
      const far = away(this.drawing.ends(item.letter), x, y);
      if (far < bestDistance) [best, bestDistance] = [item, far];
    }
    return best;
  }
}

/** @param {Item} one @param {Item | undefined} other */
function isSame(one, other) {
  return one.bar === other?.bar && one.letter === other?.letter;
}

/** @param {Item} item @param {number} at */
function distance({ from, to }, at) {
  return Math.max(from - at, at - to, 0);
}

/** @param {Track} track @param {number} at */
function nearest({ items }, at) {
  return items.reduce((best, item) => (Math.abs(item.from - at) < Math.abs(best.from - at) ? item : best));
}

/** @param {{ x1: number, y1: number, x2: number, y2: number }} line @param {number} x @param {number} y */
function away({ x1, y1, x2, y2 }, x, y) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const along = Math.min(1, Math.max(0, ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - x1 - along * dx, y - y1 - along * dy);
}

/** @param {Item} item @param {Report} report */
function saidOf({ bar, letter }, { lanes }) {
  if (letter)
    return `${lanes[letter.from]?.name} → ${lanes[letter.to]?.name}: ${letter.summary ?? letter.kind}`;
  const time = bar.open ? "goes on" : lengthOf(bar.to - bar.from);
  return [bar.name, time, ...(bar.error === undefined ? [] : [bar.error])].join(" · ");
}
