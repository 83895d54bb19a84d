import type { Reading } from "../records/shape.ts";
import { type Disk, type Stamp, sameStamp, stampOf } from "./disk.ts";
import { unreadable } from "./faults.ts";

/** Parsed records by path, so that a file that has not been replaced is not parsed again. */
export class Shelf<T> {
  readonly #disk: Disk;
  readonly #parse: (text: string) => Reading<T>;
  readonly #known = new Map<string, { readonly stamp: Stamp; readonly value: T }>();

  constructor(disk: Disk, parse: (text: string) => Reading<T>) {
    this.#disk = disk;
    this.#parse = parse;
  }

  /** undefined: there is no such file. Rejects with `record_unreadable` if it makes no sense. */
  async read(path: string): Promise<T | undefined> {
    const stats = await this.#disk.stat(path);
    if (!stats) {
      this.#known.delete(path);
      return undefined;
    }
    // Taken before the text: if the file is replaced in between, the next look sees another stamp and reads again.
    const stamp = stampOf(stats);
    const known = this.#known.get(path);
    if (known && sameStamp(known.stamp, stamp)) return known.value;
    const text = await this.#disk.read(path);
    if (text === undefined) return undefined;
    const reading = this.#parse(text);
    if (!reading.ok) throw unreadable(path, reading.fault);
    this.#known.set(path, { stamp, value: reading.value });
    return reading.value;
  }

  /** Notes what was just written, so that it need not be read back. */
  keep(path: string, stamp: Stamp, value: T): void {
    this.#known.set(path, { stamp, value });
  }

  /** Lets go of everything below a folder. */
  forget(folder: string): void {
    for (const path of this.#known.keys()) {
      if (path.startsWith(`${folder}/`)) this.#known.delete(path);
    }
  }
}
