import type { JournalEntry } from "../core/effects.ts";
import type { Disk } from "./disk.ts";

/** What this process knows of one journal. */
interface Known {
  readonly inode: bigint;
  /** Bytes of whole lines that have been read. */
  readonly size: number;
  /**
   * Highest index by revision. Lines of one revision are appended in order and a torn one is the last, so this says of
   * every line whether it is there.
   */
  readonly lines: Map<number, number>;
}

/**
 * `journal.jsonl`: one line a fact. Written only under the run's lock.
 *
 * Not synced: lines are effects of commits that are, and nothing is decided by them. Whoever kills our process loses
 * none; after a crash of the machine the last ones may be missing.
 */
export class Journal {
  readonly #disk: Disk;
  readonly #known = new Map<string, Known>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Appends the entries that are not there, in order; cuts a torn last line first. */
  async append(path: string, entries: readonly JournalEntry[]): Promise<void> {
    const known = await this.#read(path);
    const missing = entries
      .filter((entry) => (known.lines.get(entry.revision) ?? -1) < entry.index)
      .toSorted((one, other) => one.revision - other.revision || one.index - other.index);
    if (missing.length === 0) return;
    const text = missing.map(lineOf).join("");
    await this.#disk.append(path, text, known.size);
    for (const entry of missing) known.lines.set(entry.revision, entry.index);
    const inode = known.inode === 0n ? ((await this.#disk.stat(path))?.ino ?? 0n) : known.inode;
    this.#known.set(path, { ...known, inode, size: known.size + Buffer.byteLength(text) });
  }

  forget(path: string): void {
    this.#known.delete(path);
  }

  /** Reads what others have appended since the last time; everything, the first time or if the file is another. */
  async #read(path: string): Promise<Known> {
    const stats = await this.#disk.stat(path);
    if (!stats) return { inode: 0n, size: 0, lines: new Map() };
    const before = this.#known.get(path);
    const goesOn = before !== undefined && before.inode === stats.ino && before.size <= Number(stats.size);
    const known = goesOn ? before : { inode: stats.ino, size: 0, lines: new Map<number, number>() };
    if (goesOn && known.size === Number(stats.size)) return known;
    const bytes = (await this.#disk.readFrom(path, known.size)) ?? Buffer.alloc(0);
    const end = bytes.lastIndexOf("\n") + 1;
    for (const line of bytes.toString("utf8", 0, end).split("\n")) note(known.lines, line);
    const now = { ...known, size: known.size + end };
    this.#known.set(path, now);
    return now;
  }
}

/** Revision and index stand first, where {@link note} looks for them. */
function lineOf(entry: JournalEntry): string {
  const { revision, index, ...rest } = entry;
  return `${JSON.stringify({ revision, index, ...rest })}\n`;
}

function note(lines: Map<number, number>, line: string): void {
  const [, revision, index] = /^\{"revision":(\d+),"index":(\d+),/.exec(line) ?? [];
  if (revision === undefined || index === undefined) return;
  lines.set(Number(revision), Math.max(lines.get(Number(revision)) ?? -1, Number(index)));
}
