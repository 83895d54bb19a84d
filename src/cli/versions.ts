/**
 * Whether a version lies in a range of the form `>=1.18.20 <2`. Only numbers count: `1.19.0-beta.1` is taken for 1.19.0,
 * which is what its behaviour is nearest to.
 */
export function isWithin(version: string, range: string): boolean {
  return range.split(" ").every((bound) => {
    const order = compare(version, bound.replace(/^[<>=]+/, ""));
    return bound.startsWith("<") ? order < 0 : order >= 0;
  });
}

function compare(one: string, other: string): number {
  const [left, right] = [numbersOf(one), numbersOf(other)];
  for (let part = 0; part < 3; part += 1) {
    const difference = (left[part] ?? 0) - (right[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): readonly number[] {
  return (/^v?(\d+(?:\.\d+){0,2})/.exec(version)?.[1] ?? "").split(".").map(Number);
}
