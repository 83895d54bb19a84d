import type { ModelRequest } from "../support/model-request.ts";

/** One message as the recipient's model was sent it. */
export interface SeenMail {
  readonly from: string;
  readonly kind: string;
  readonly messageId: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly body: string;
}

const ENVELOPE = /<peer_message((?: [A-Za-z]+="[^"]*")*)>([\s\S]*?)<\/peer_message>/g;

/** Every envelope in the user messages of a request, in order. */
export function mailIn(request: ModelRequest): readonly SeenMail[] {
  return request.messages.filter((message) => message.role === "user").flatMap(({ text }) => mailOf(text));
}

/** Every envelope in a text, in order. */
export function mailOf(text: string): readonly SeenMail[] {
  return [...text.matchAll(ENVELOPE)].map(([, head = "", body = ""]) => {
    const attributes = Object.fromEntries(
      [...head.matchAll(/ ([A-Za-z]+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]),
    );
    const { from = "", kind = "", messageId = "" } = attributes;
    return { from, kind, messageId, attributes, body };
  });
}

/** The bodies of one kind. */
export function bodiesIn(request: ModelRequest, kind = "message"): readonly string[] {
  return mailIn(request)
    .filter((mail) => mail.kind === kind)
    .map((mail) => mail.body);
}
