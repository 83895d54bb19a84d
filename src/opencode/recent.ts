/** Remembers the last `size` keys with a value each. */
export class Recent<V> {
  readonly #size: number;
  readonly #values = new Map<string, V>();

  constructor(size: number) {
    this.#size = size;
  }

  /** Whether the key, or its value, is new. */
  add(key: string, value: V): boolean {
    if (this.#values.get(key) === value) return false;
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.#size) {
      const [oldest] = this.#values.keys();
      if (oldest !== undefined) this.#values.delete(oldest);
    }
    return true;
  }

  find(key: string): V | undefined {
    return this.#values.get(key);
  }
}
