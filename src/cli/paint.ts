import type { Screen } from "./world.ts";

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Paint = keyof typeof CODES;

/**
 * The text in that colour, where colour is shown. By hand: the `styleText` of Node came in the middle of 20, and its later
 * versions look at the stream for themselves, which is decided here already.
 */
export function paint({ colour }: Screen, how: Paint, text: string): string {
  return colour ? `\u001b[${CODES[how]}m${text}\u001b[0m` : text;
}
