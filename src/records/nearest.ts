/** The word that was most likely meant, if one is near enough to say so. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const plain = bare(word);
  const same = words.find((candidate) => bare(candidate) === plain);
  if (same !== undefined) return same;
  // A third of the letters wrong is no slip any more; two slips in a long word are.
  const most = Math.min(2, Math.floor(plain.length / 3));
  const [best] = words
    .map((candidate) => ({ candidate, slips: slipsBetween(plain, bare(candidate), most) }))
    .filter(({ slips }) => slips <= most)
    .sort((one, other) => one.slips - other.slips);
  return best?.candidate;
}

/** `max_members`, `maxMembers` and `max-members` are one word. */
function bare(word: string): string {
  return word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

/** Letters to add, drop, replace or swap with their neighbour; anything above `most` if there are more. */
function slipsBetween(one: string, other: string, most: number): number {
  if (Math.abs(one.length - other.length) > most) return most + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const replaced = at(last, j - 1) + (one[i - 1] === other[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
          ? at(beforeLast, j - 2) + 1
          : Number.POSITIVE_INFINITY;
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced, swapped));
    }
    beforeLast = last;
    last = row;
  }
  return at(last, other.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
