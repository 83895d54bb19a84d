import { basename, dirname, join } from "node:path";
import type { Disk } from "./disk.ts";
import type { StorageReport } from "./faults.ts";

/**
 * Moves a file that cannot be understood to `unreadable/` in its folder, with the reason beside it. It is kept for a
 * person to look at; nothing of ours reads it again, and nothing else stops because of it.
 */
export async function setAside(
  disk: Disk,
  report: (report: StorageReport) => void,
  path: string,
  reason: string,
): Promise<void> {
  const folder = join(dirname(path), "unreadable");
  await disk.makeFolder(folder);
  const movedTo = await freeName(disk, join(folder, basename(path)));
  await disk.replace(`${movedTo}.reason.json`, `${JSON.stringify({ reason })}\n`);
  if (await disk.move(path, movedTo)) report({ kind: "set_aside", path, movedTo, reason });
  else await disk.remove(`${movedTo}.reason.json`);
}

async function freeName(disk: Disk, wanted: string): Promise<string> {
  for (let round = 1; ; round++) {
    const name = round === 1 ? wanted : `${wanted}.${round}`;
    if (!(await disk.exists(name))) return name;
  }
}
