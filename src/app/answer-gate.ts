import type { PermissionAnswer } from "../core/effects.ts";
import type { Participant, RunId } from "../core/ids.ts";
import { type Books, Transactor } from "./transact.ts";

/** A person's answer, and whom it is for. */
export type GateAnswer = { readonly participant: Participant } & PermissionAnswer;

/** Answers a permission from outside of the process that owns the run: that one sees the commit and hands the answer over. */
export async function answerGate(books: Books, runId: RunId, answer: GateAnswer): Promise<void> {
  const transactor = new Transactor(books, () => undefined);
  await transactor.transact(runId, () => ({ type: "answer_gate", ...answer }));
}
