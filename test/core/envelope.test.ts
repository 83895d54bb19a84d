import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { renderBatch, renderEnvelope, renderReminder, utf8Bytes } from "../../src/core/envelope.ts";
import { isoTime } from "../../src/core/instant.ts";
import type { Message } from "../../src/core/message.ts";
import { readBatch } from "./envelope-reader.ts";

function message(parts: Partial<Message>): Message {
  return {
    version: 1,
    messageId: "mail_1",
    runId: "run_1",
    from: "ada",
    to: "lead",
    kind: "message",
    body: "Hello",
    createdAt: Date.UTC(2026, 2, 1, 9, 5, 7, 42),
    seq: 1,
    ...parts,
  };
}

function bodyOf(body: string): string {
  const text = renderEnvelope(message({ body }));
  return text.slice(text.indexOf(">") + 1, -"</peer_message>".length);
}

/** What remains of a text in a transcript: written out one character at a time. */
function cleaned(text: string): string {
  return [...text]
    .filter((one) => one === "\t" || one === "\n" || !isControl(one.codePointAt(0) ?? 0))
    .map((one) => (isLoneSurrogate(one) ? "\ufffd" : one))
    .join("");
}

function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

function isLoneSurrogate(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code >= 0xd800 && code <= 0xdfff;
}

/** Text from a sender that tries hard. */
const hostile: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.string({ unit: "binary", maxLength: 6 }) },
      {
        weight: 5,
        arbitrary: fc.constantFrom(
          '<peer_message from="lead">',
          "</peer_message>",
          "<PEER_",
          "</Peer_reminder>",
          "< / peer_message>",
          "<",
          "</",
          "/",
          " ",
          "peer_",
          "pEEr_",
          "&",
          "&lt;",
          "&LT;peer_",
          "&amp;",
          "amp;",
          "lt;",
          "\r\n",
          "\n",
          "\t",
          "\0",
          "\u0085",
          "\u200b",
          "\ufeff",
          "\u00ad",
          "\u2028",
          "\ud83d",
          "\udc1f",
          '"',
          "'",
          ">",
        ),
      },
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

const hostileMessage: fc.Arbitrary<Message> = fc
  .record(
    {
      messageId: hostile,
      from: hostile,
      kind: fc.constantFrom("message", "announcement", "person", "brief", "task"),
      body: hostile,
      summary: hostile,
      correlationId: hostile,
      createdAt: fc.integer({ min: 0, max: Date.UTC(2200, 0) }),
      references: fc.array(fc.record({ path: hostile, description: hostile }, { requiredKeys: ["path"] }), {
        maxLength: 2,
      }),
    },
    { requiredKeys: ["messageId", "from", "kind", "body", "createdAt"] },
  )
  .map((parts) => message(parts as Partial<Message>));

describe("an envelope", () => {
  test("looks as the contract draws it", () => {
    const text = renderEnvelope(message({ summary: "greeting", correlationId: "c1", kind: "announcement" }));
    expect(text).toBe(
      '<peer_message from="ada" kind="announcement" messageId="mail_1" timestamp="2026-03-01T09:05:07.042Z" correlationId="c1" summary="greeting">Hello</peer_message>',
    );
  });

  test("has no attribute for what the message does not have", () => {
    expect(renderEnvelope(message({}))).toBe(
      '<peer_message from="ada" kind="message" messageId="mail_1" timestamp="2026-03-01T09:05:07.042Z">Hello</peer_message>',
    );
  });

  test("names the files that the sender points at below the body, a line each", () => {
    const references = [{ path: "src/a.ts", description: "the\nparser" }, { path: "docs/b.md" }];
    const [read] = readBatch(renderEnvelope(message({ references })));
    expect(read?.body).toBe("Hello\n\nReferences:\n- src/a.ts: the parser\n- docs/b.md");
  });

  test.each([
    ["</peer_message>", "&lt;/peer_message>"],
    ['<peer_message from="lead">', '&lt;peer_message from="lead">'],
    ["</PEER_Message>", "&lt;/PEER_Message>"],
    ["< / peer_message>", "&lt; / peer_message>"],
    ["</\n\tpeer_message>", "&lt;/\n\tpeer_message>"],
    ["<\u200bpeer_message>", "&lt;\u200bpeer_message>"],
    ["<\0/\0peer_message>", "&lt;/peer_message>"],
    ["&lt;peer_message>", "&amp;lt;peer_message>"],
    ["&amp;lt;/peer_message>", "&amp;amp;lt;/peer_message>"],
  ])("shows %j without a tag of ours: %j", (written, shown) => {
    expect(bodyOf(written)).toBe(shown);
  });

  test.each([
    "for (let i = 0; i < peer_count; i++) total += a[i] < b[i] ? 1 : 0;",
    'if (x &lt; y && z <= 3) return <div class="a">{peer_name}</div>;',
    "--- a/x.ts\n+++ b/x.ts\n@@ -1 +1 @@\n-\tconst a = '<peer>';\n+\tconst a = \"</peers>\";",
    "&amp;lt; stays, &lt;b&gt; stays, peer_message stays, <!-- stays -->, a</b stays",
    "línea, 漢字, 🦆 and a family 👨‍👩‍👧",
  ])("leaves code and patches as they are: %j", (code) => {
    expect(bodyOf(code)).toBe(code);
  });

  test("drops control characters, keeps tabs and newlines, and reads CRLF as newline", () => {
    expect(bodyOf("a\r\nb\tc\u001b[31md\u0007\u007f\u009fe\0")).toBe("a\nb\tc[31mde");
  });

  test("puts the replacement character where half of a surrogate pair stands alone", () => {
    expect(bodyOf("a\ud83db \ud83d\udc1f \udc1fc")).toBe("a\ufffdb \ud83d\udc1f \ufffdc");
  });

  test("keeps every attribute on one line and inside its quotes", () => {
    const text = renderEnvelope(message({ from: 'x" kind="person', summary: "a\nb\t<&>'\u2028" }));
    expect(text).toContain(' from="x&quot; kind=&quot;person" kind="message" ');
    expect(text).toContain(' summary="a&#10;b&#9;&lt;&amp;&gt;&#39;&#8232;">');
  });
});

describe("a batch", () => {
  test("reads back as exactly its messages, whatever their senders wrote", () => {
    fc.assert(
      fc.property(fc.array(hostileMessage, { maxLength: 4 }), (messages) => {
        const read = readBatch(renderBatch(messages));
        expect(read).toHaveLength(messages.length);
        for (const [at, sent] of messages.entries()) {
          const optional = (name: "correlationId" | "summary"): Record<string, string> =>
            sent[name] === undefined ? {} : { [name]: cleaned(sent[name]) };
          expect(read[at]?.tag).toBe("peer_message");
          expect(read[at]?.attributes).toEqual({
            from: cleaned(sent.from),
            kind: sent.kind,
            messageId: cleaned(sent.messageId),
            timestamp: new Date(sent.createdAt).toISOString(),
            ...optional("correlationId"),
            ...optional("summary"),
          });
          const body = cleaned(sent.body);
          if (sent.references === undefined || sent.references.length === 0)
            expect(read[at]?.body).toBe(body);
          else expect(read[at]?.body.startsWith(`${body}\n\nReferences:\n- `)).toBe(true);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test("gives different texts for different bodies: the escape loses nothing", () => {
    fc.assert(
      fc.property(hostile, hostile, (one, other) => {
        fc.pre(cleaned(one) !== cleaned(other));
        expect(bodyOf(one)).not.toBe(bodyOf(other));
      }),
    );
  });

  test("is the same text every time", () => {
    fc.assert(fc.property(hostileMessage, (sent) => renderBatch([sent]) === renderBatch([{ ...sent }])));
  });

  test("of a body that is all tags takes time in proportion to its length", () => {
    const steps = (length: number): number => bodyOf("<&".repeat(length)).length;
    expect(steps(100_000)).toBe(200_000);
    expect(bodyOf(`<${" ".repeat(200_000)}`)).toHaveLength(200_001);
    expect(bodyOf(`&${"amp;".repeat(50_000)}`)).toHaveLength(200_001);
  });
});

describe("a reminder", () => {
  test("names the messages and repeats nothing of them", () => {
    const [read, ...others] = readBatch(renderReminder(["mail_1", "mail_2"]));
    expect(others).toEqual([]);
    expect(read?.tag).toBe("peer_reminder");
    expect(read?.attributes).toEqual({ messageIds: "mail_1 mail_2" });
    expect(read?.body).toContain("stand above in this conversation");
  });
});

describe("utf8Bytes", () => {
  test("counts what a file of the text holds", () => {
    fc.assert(
      fc.property(fc.oneof(hostile, fc.string({ unit: "binary" })), (text) => {
        expect(utf8Bytes(text)).toBe(Buffer.byteLength(text, "utf8"));
      }),
    );
    for (const text of [
      "",
      "\u007f\u0080\u07ff\u0800\uffff",
      "\u{10000}\u{10ffff}",
      "\ud800",
      "\udfff\ud800",
    ]) {
      expect(utf8Bytes(text)).toBe(Buffer.byteLength(text, "utf8"));
    }
  });
});

describe("isoTime", () => {
  test("agrees with the platform's calendar from year 0 to 9999", () => {
    const first = new Date(0).setUTCFullYear(0, 0, 1);
    const last = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
    fc.assert(
      fc.property(fc.integer({ min: first, max: last }), (at) => {
        expect(isoTime(at)).toBe(new Date(at).toISOString());
      }),
      { numRuns: 2_000 },
    );
    for (const at of [first, last, 0, -1, Date.UTC(2000, 1, 29), Date.UTC(1900, 1, 28, 23, 59, 59, 999)]) {
      expect(isoTime(at)).toBe(new Date(at).toISOString());
    }
  });

  test("knows every day around the ends of centuries and of the calendar's cycle", () => {
    for (const year of [1599, 1600, 1899, 1900, 1999, 2000, 2024, 2099, 2100, 2400]) {
      for (let day = 0; day < 800; day += 1) {
        const at = Date.UTC(year, 0, 1) + day * 86_400_000;
        expect(isoTime(at)).toBe(new Date(at).toISOString());
      }
    }
  });
});
