/** So much of a text that somebody chose fits on a page of thousands. */
const LENGTH_MAX = 200;

/** One line without anything that would turn it around or hide a part of it. */
export function shown(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim();
  const points = [...line.slice(0, LENGTH_MAX * 2)];
  return points.length > LENGTH_MAX ? `${points.slice(0, LENGTH_MAX - 1).join("")}…` : line;
}
