import { open, rename } from "node:fs/promises";
import type { Scratch } from "../test/support/scratch.ts";

/** What a change of a file costs that is to be there after a crash, whoever makes it. Milliseconds each. */
export async function durableWrites(folder: Scratch, count: number): Promise<readonly number[]> {
  const text = JSON.stringify({ text: "x".repeat(500) });
  const times: number[] = [];
  for (let at = 0; at < count; at += 1) {
    const startedAt = performance.now();
    const file = await open(folder.at("new"), "w");
    await file.writeFile(text);
    await file.sync();
    await file.close();
    await rename(folder.at("new"), folder.at(`file-${at}`));
    const parent = await open(folder.path, "r");
    await parent.sync();
    await parent.close();
    times.push(performance.now() - startedAt);
  }
  return times;
}
