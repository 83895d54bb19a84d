import { authorizeParticipant } from "./identify.ts";
import type { VerbContext } from "./team-verbs.ts";
import { unreadBytesOf } from "./unread-bytes.ts";
import type { Call, SendMail, SendReport } from "./verbs.ts";

/** Answers once the message is on disk; what becomes of it is the courier's. */
export async function sendMessage(context: VerbContext, call: Call, input: SendMail): Promise<SendReport> {
  const { fleet } = context;
  const { ids, mailbox } = fleet.world;
  const { participant: by, state } = await authorizeParticipant(fleet, "team_send_message", call);
  // Whether this turn owes the lead a last word is noted in the turn, so its beginning comes first.
  await fleet.caughtUp(call.sessionId);
  // Derived from the call, so that the same call made again writes the same file.
  const messageId = ids.derive("mail", call.sessionId, call.messageId, call.callId);
  const { to: address, ...letter } = input;
  const transaction = await fleet.transact(state.runId, async (now) => {
    const unreadBytes = await unreadBytesOf(mailbox, now);
    const sent = { hostMessageId: call.messageId, callId: call.callId };
    return { type: "send_message", by, to: address, messageId, call: sent, unreadBytes, ...letter };
  });
  const effects = transaction.kind === "committed" ? transaction.effects : [];
  const delivered = effects.flatMap((effect) =>
    effect.type === "put_message" && effect.message.messageId === messageId
      ? [{ to: effect.message.to, seq: effect.message.seq, state: "written" } as const]
      : [],
  );
  return { messageId, delivered };
}
