/** The candidate a writer most likely meant, or none: one slip in four characters is taken for a slip, more for another word. */
export function nearest(written: string, candidates: readonly string[]): string | undefined {
  const wanted = written.toLowerCase();
  const ranked = candidates
    .map((candidate) => ({ candidate, slips: distance(wanted, candidate.toLowerCase()) }))
    .sort((one, other) => one.slips - other.slips);
  const [best] = ranked;
  return best && best.slips <= Math.max(1, Math.floor(wanted.length / 4)) ? best.candidate : undefined;
}

/** Insertions, deletions and replacements that turn one text into the other. */
function distance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [row, letter] of [...from].entries()) {
    const line = [row + 1];
    for (const [column, other] of [...to].entries()) {
      const replaced = (above[column] ?? 0) + (letter === other ? 0 : 1);
      line.push(Math.min(replaced, (above[column + 1] ?? 0) + 1, (line[column] ?? 0) + 1));
    }
    above = line;
  }
  return above.at(-1) ?? 0;
}
