import { batch, member, message, RUN, runState, task } from "../contract/samples.ts";
import { type BuiltCommand, type Desk, openDesk } from "./command.ts";

const MINUTE = 60_000;

/** A run that is led from the caller's work tree, or from elsewhere, in which much waits for much. */
export async function heldUpDesk(command: BuiltCommand, directory?: string): Promise<Desk> {
  const desk = await openDesk(command);
  desk.configure();
  const now = Date.now();
  const { runs, ownership, mailbox, tasks } = await desk.storage();
  const { lead, limits } = runState();
  await runs.create(
    runState({
      label: "nightly",
      createdAt: now - 90 * MINUTE,
      since: now - 90 * MINUTE,
      lead: { ...lead, directory: directory ?? desk.at("work") },
      limits: { ...limits, maxParallelMembers: 1, maxTokens: 1_000 },
      spent: ["tokens"],
      members: {
        ada: member("ada", {
          status: "needs_approval",
          reason: "permission bash (rm -rf build)",
          since: now - 3 * MINUTE,
          usage: { turns: 1, tokens: 1_234, cost: 0 },
          gates: [
            {
              kind: "permission",
              requestId: "per_1",
              subject: "bash",
              detail: "rm -rf build",
              openedAt: now - 3 * MINUTE,
            },
          ],
        }),
        bo: member("bo", { status: "interrupted", since: now - 5 * MINUTE, heldByPerson: true }),
        cy: member("cy", {
          status: "working",
          since: now - 2 * MINUTE,
          turn: { startedAt: now - 2 * MINUTE, cause: "lead", reported: false },
          shutdown: { status: "requested", requestedBy: "lead", changedAt: now - MINUTE },
        }),
      },
    }),
  );
  await ownership.take(RUN);
  for (const seq of [1, 2]) {
    await mailbox.put(message(seq, { to: "bo", from: seq === 1 ? "lead" : "cy", createdAt: now - MINUTE }));
  }
  await mailbox.put(message(3, { to: "cy", createdAt: now - 2 * MINUTE }));
  await mailbox.reserve(batch(["mail_3"], { recipient: "cy" }));
  await mailbox.saveBatch(batch(["mail_3"], { recipient: "cy", phase: "witnessed" }));
  await tasks.write(RUN, task(1, { status: "in_progress", owner: "cy", changedAt: now - 2 * MINUTE }));
  await tasks.write(RUN, task(2, { blockedBy: [1] }));
  return desk;
}
