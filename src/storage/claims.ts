import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { type Claim, parseClaim } from "../records/claim.ts";
import { formatRecord } from "../records/record.ts";
import type { Disk } from "./disk.ts";
import type { Liveness } from "./liveness.ts";

/**
 * A file that one process at a time can have: a run's lock, a run's `owner.json`.
 *
 * Taking it is a hard link to a file that is already written, so a claim never exists without its content. Letting go is
 * its removal. While its holder lives, nobody but the holder touches it.
 *
 * A dead holder's claim is inherited, not removed: two who find it dead must not both win, nor may a slow one remove the
 * claim of the one who was quicker. The heir is whoever creates `<file>.after-<token of the dead>`, again by a link, and
 * then still finds the dead claim in place; it renames its own over it. A token never comes back, so an heir that comes
 * too late finds another claim there and withdraws. If the heir dies on the way, its token has an heir in turn:
 *
 *     .lock (dead, token a)  <-  .lock.after-a (dead, token b)  <-  .lock.after-b (alive: renames itself to .lock)
 *
 * What cannot be parsed was not written by this code, or was torn by the machine's crash. It counts as dead once it is
 * {@link UNREADABLE_GRACE_MS} old; its inode and change time serve as its token.
 *
 * The weakness: liveness is judged by pid. Processes that share a base_dir must see each other's pids; containers with
 * pid namespaces of their own must not share one.
 */
export class Claims {
  readonly #disk: Disk;
  readonly #liveness: Liveness;

  constructor(disk: Disk, liveness: Liveness) {
    this.#disk = disk;
    this.#liveness = liveness;
  }

  /** Takes the claim if no living process has it. Rejects with `ENOENT` if its folder is gone. */
  async take(path: string, leaseMs?: number): Promise<Taking> {
    const mine = this.#newClaim(leaseMs);
    for (;;) {
      const line = await this.#follow(path);
      if ("holder" in line) return { kind: "held", by: line.holder };
      if (!(await this.#disk.createUnsynced(line.vacant, formatRecord(mine)))) continue;
      if (line.vacant === path) return { kind: "taken", token: mine.token };
      if ((await this.#isHeir(path, mine)) && (await this.#disk.move(line.vacant, path))) {
        await this.#clear(path);
        return { kind: "taken", token: mine.token };
      }
      await this.#disk.remove(line.vacant);
    }
  }

  /** Whether the claim with that token is in place. */
  async holds(path: string, token: string): Promise<boolean> {
    return (await this.#look(path))?.token === token;
  }

  /** Writes a new end of the lease; false if the claim is not in place any more. */
  async renew(path: string, token: string, leaseMs: number): Promise<boolean> {
    if (!(await this.holds(path, token))) return false;
    await this.#disk.replaceUnsynced(path, formatRecord({ ...this.#newClaim(leaseMs), token }));
    return true;
  }

  /** Lets go. A claim that is not in place any more is left alone. */
  async free(path: string, token: string): Promise<void> {
    if (await this.holds(path, token)) await this.#disk.remove(path);
  }

  #newClaim(leaseMs: number | undefined): Claim {
    const now = Date.now();
    return {
      version: 1,
      ...this.#liveness.self,
      token: randomBytes(10).toString("hex"),
      takenAt: now,
      ...(leaseMs === undefined ? {} : { leaseEndsAt: now + leaseMs }),
    };
  }

  /** Goes from the claim along its heirs to one that lives, or to the first name that nobody has taken. */
  async #follow(path: string): Promise<{ readonly holder: Claim | undefined } | { readonly vacant: string }> {
    let at = path;
    for (;;) {
      const found = await this.#look(at);
      if (!found) return { vacant: at };
      if (!found.dead) return { holder: found.claim };
      at = `${path}.after-${found.token}`;
    }
  }

  async #isHeir(path: string, mine: Claim): Promise<boolean> {
    const line = await this.#follow(path);
    return "holder" in line && line.holder?.token === mine.token;
  }

  async #look(
    path: string,
  ): Promise<
    { readonly claim: Claim | undefined; readonly token: string; readonly dead: boolean } | undefined
  > {
    const text = await this.#disk.read(path);
    if (text === undefined) return undefined;
    const reading = parseClaim(text);
    if (reading.ok) {
      const claim = reading.value;
      return { claim, token: claim.token, dead: !(await this.#liveness.isAlive(claim)) };
    }
    const stats = await this.#disk.stat(path);
    if (!stats) return undefined;
    return {
      claim: undefined,
      token: `unreadable-${stats.ino}-${stats.ctimeNs}`,
      dead: Date.now() - Number(stats.ctimeMs) > UNREADABLE_GRACE_MS,
    };
  }

  /** Names of heirs that died on the way. They mean nothing once the claim they follow is gone, which it is. */
  async #clear(path: string): Promise<void> {
    const prefix = `${basename(path)}.after-`;
    for (const name of await this.#disk.names(dirname(path))) {
      if (name.startsWith(prefix)) await this.#disk.remove(join(dirname(path), name));
    }
  }
}

export type Taking =
  | { readonly kind: "taken"; readonly token: string }
  /** `by` is undefined while what is there cannot be read and is still young. */
  | { readonly kind: "held"; readonly by: Claim | undefined };

/** Long enough for another program that creates a file first and writes it next, short beside the promised 2 s. */
const UNREADABLE_GRACE_MS = 500;
