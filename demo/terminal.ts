/** What the demo prints on: its width, and colour if it has any. */
export interface Terminal {
  readonly width: number;
  paint(tone: Tone, text: string): string;
  print(text: string): void;
}

export type Tone = "plain" | "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan";

const CODES: Readonly<Record<Tone, number>> = {
  plain: 0,
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
};

/** Below this a line of the timeline has no room for words; above it the eye loses the line. */
const NARROWEST = 60;
const WIDEST = 100;
/** In a pipe or a file. */
const UNKNOWN = 92;

export function openTerminal(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Terminal {
  const colour = stream.isTTY && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  const columns = stream.isTTY ? stream.columns : UNKNOWN;
  return {
    width: Math.min(WIDEST, Math.max(NARROWEST, columns)),
    paint: (tone, text) => (colour && tone !== "plain" ? `\u001b[${CODES[tone]}m${text}\u001b[0m` : text),
    print: (text) => {
      stream.write(`${text}\n`);
    },
  };
}

/** Breaks at spaces; a word longer than the width is cut. Line ends of the text are kept. */
export function wrap(text: string, width: number): readonly string[] {
  return text.split("\n").flatMap((line) => {
    const rows: string[] = [];
    let row = "";
    for (const word of line.split(" ").flatMap((one) => pieces(one, width))) {
      if (row !== "" && row.length + 1 + word.length > width) {
        rows.push(row);
        row = word;
      } else row = row === "" ? word : `${row} ${word}`;
    }
    return [...rows, row];
  });
}

/** One line of at most `length` characters. */
export function brief(text: string, length: number): string {
  const line = text.trim().replace(/\s*[\n\t]\s*/g, " ");
  return line.length <= length ? line : `${line.slice(0, length - 1).trimEnd()}…`;
}

function pieces(word: string, width: number): readonly string[] {
  return word.length <= width ? [word] : (word.match(new RegExp(`.{1,${width}}`, "gu")) ?? [word]);
}
