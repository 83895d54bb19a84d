import type { MessageId, RunId } from "../core/ids.ts";
import { PERSON } from "../core/ids.ts";
import type { Message } from "../core/message.ts";
import type { RunState } from "../core/run.ts";
import { type Books, Transactor } from "./transact.ts";
import { unreadBytesOf } from "./unread-bytes.ts";

/**
 * A person's word, from outside of the process that owns the run: it is in the mailbox when this resolves, and the owner
 * sees the commit and delivers it like any other message.
 *
 * @param to a participant's name, or `*`.
 */
export async function tellParticipants(
  books: Books,
  runId: RunId,
  { messageId, to, body }: { readonly messageId: MessageId; readonly to: string; readonly body: string },
): Promise<{ readonly state: RunState; readonly messages: readonly Message[] }> {
  const transactor = new Transactor(books, () => undefined);
  const transaction = await transactor.transact(runId, async (state) => ({
    type: "send_message",
    by: PERSON,
    to,
    messageId,
    kind: "person",
    body,
    unreadBytes: await unreadBytesOf(books.mailbox, state),
  }));
  const effects = transaction.kind === "committed" ? transaction.effects : [];
  const messages = effects.flatMap((effect) =>
    effect.type === "put_message" && effect.message.messageId === messageId ? [effect.message] : [],
  );
  return { state: transaction.state, messages };
}
