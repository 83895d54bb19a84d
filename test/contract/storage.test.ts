import { describe } from "bun:test";
import { mailboxContract } from "./mailbox.ts";
import { ownershipContract } from "./ownership.ts";
import { runStoreContract } from "./run-store.ts";
import { sessionLeasesContract } from "./session-leases.ts";
import { statusBoardContract } from "./status-board.ts";
import { taskStoreContract } from "./task-store.ts";
import { diskWorld, memoryWorld } from "./worlds.ts";

for (const [name, open] of [
  ["on disk", diskWorld],
  ["in memory", memoryWorld],
] as const) {
  describe(`runs ${name}`, () => runStoreContract(open));
  describe(`mail ${name}`, () => mailboxContract(open));
  describe(`tasks ${name}`, () => taskStoreContract(open));
  describe(`ownership ${name}`, () => ownershipContract(open));
  describe(`status ${name}`, () => statusBoardContract(open));
  describe(`session leases ${name}`, () => sessionLeasesContract(open));
}
