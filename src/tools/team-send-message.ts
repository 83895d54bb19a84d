import type { Verbs } from "../app/verbs.ts";
import type { ToolKind } from "../core/message.ts";
import { row } from "./answer.ts";
import { choice, list, name, record, text } from "./argument.ts";
import { optional, required } from "./slots.ts";
import { type Tool, tool } from "./tool.ts";

const DESCRIPTION =
  "Write to the lead, a member or everyone: the only way to be heard, plain text reaches nobody. It wakes the recipient, or reaches it in its running turn; it is stored before this returns. Answers come as <peer_message>.";

const KINDS: Readonly<Record<ToolKind, true>> = { message: true, announcement: true };

export function teamSendMessage(verbs: Verbs): Tool {
  const reference = record(
    {
      path: required(text(), "file", "filePath"),
      description: optional(text(), "summary"),
    },
    undefined,
    "path",
  );
  return tool({
    name: "team_send_message",
    description: DESCRIPTION,
    slots: {
      to: required(
        name('A member\'s name, "lead", or "*" for everyone else'),
        "recipient",
        "member",
        "memberName",
        "target",
      ),
      body: required(
        text("Complete: the reader does not see your conversation"),
        "message",
        "text",
        "content",
      ),
      summary: optional(text("One line"), "subject", "title"),
      kind: optional(choice(KINDS, "Default message"), "type"),
      correlationId: optional(text("Yours or the one you answer to"), "replyTo"),
      references: optional(list(reference, "Files to read"), "refs", "files"),
    },
    async answer({ kind = "message", ...letter }, call) {
      const { messageId, delivered } = await verbs.sendMessage(call, { kind, ...letter });
      const recipients = delivered.map(({ to, state }) => ({ to, state }));
      return {
        ...row({ messageId, delivered: recipients }),
        next: "Answers come by mail and wake you: do not poll, end your turn when nothing else is left.",
      };
    },
  });
}
