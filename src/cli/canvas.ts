import type { Terminal } from "./terminal.ts";

const ESC = "\u001b[";
/** The other screen, so that what stood there before comes back; no cursor; longer lines are cut, not broken. */
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}?7l`;
const LEAVE = `${ESC}?7h${ESC}?25h${ESC}?1049l`;
const HOME = `${ESC}H`;
const CLEAR_TO_LINE_END = `${ESC}K`;
const CLEAR_BELOW = `${ESC}J`;

/**
 * One text that changes. On a terminal it is written over itself in one piece, line by line and never wiped first, so that
 * nothing flickers; where nobody looks each new one follows the one before.
 */
export class Canvas {
  readonly #terminal: Terminal;
  readonly #isScreen: boolean;
  #shown: string | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#isScreen = terminal.screen().height !== undefined;
  }

  show(text: string): void {
    if (!this.#isScreen) {
      if (text === this.#shown) return;
      this.#terminal.print(`${this.#shown === undefined ? "" : "\n"}${text}\n`);
      this.#shown = text;
      return;
    }
    const { height = 0 } = this.#terminal.screen();
    const lines = text.split("\n");
    const fitting = lines.length > height ? [...lines.slice(0, height - 1), "..."] : lines;
    const painted = HOME + fitting.map((line) => line + CLEAR_TO_LINE_END).join("\r\n") + CLEAR_BELOW;
    if (painted === this.#shown) return;
    this.#terminal.print(this.#shown === undefined ? ENTER + painted : painted);
    this.#shown = painted;
  }

  /** Gives the screen back. */
  close(): void {
    if (this.#isScreen && this.#shown !== undefined) this.#terminal.print(LEAVE);
  }
}
