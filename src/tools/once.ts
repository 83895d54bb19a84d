/** Remembers what came of each key, for the last `limit` keys, and gives it again instead of beginning anew. */
export function once<T>(limit: number): (key: string, begin: () => Promise<T>) => Promise<T> {
  const outcomes = new Map<string, Promise<T>>();
  return (key, begin) => {
    const known = outcomes.get(key);
    if (known !== undefined) return known;
    const [oldest] = outcomes.keys();
    if (oldest !== undefined && outcomes.size >= limit) outcomes.delete(oldest);
    const outcome = begin();
    outcomes.set(key, outcome);
    return outcome;
  };
}
