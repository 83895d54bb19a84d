import { createHash, randomBytes } from "node:crypto";
import type { Ids } from "../ports.ts";

/**
 * Digits before letters, so that text order is number order; one case only, so that two ids never meet in one file on a
 * file system that ignores case; without i, l, o and u, which people misread.
 */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
/** 50 bits: milliseconds until the year 37647. */
const TIME_CHARS = 10;
/** 50 bits of chance within one millisecond. */
const CHANCE_CHARS = 10;
/** 130 bits: no two parts lists ever meet. */
const DIGEST_CHARS = 26;

export const systemIds: Ids = {
  fresh: (prefix) => `${prefix}_${timeText(Date.now())}${bitsText(randomBytes(8), CHANCE_CHARS)}`,
  // JSON keeps apart what a plain join would mix up: ["a", "b"] and ["a,b"].
  derive: (prefix, ...parts) =>
    `${prefix}_${bitsText(createHash("sha256").update(JSON.stringify(parts)).digest(), DIGEST_CHARS)}`,
  digest: (text) => createHash("sha256").update(text, "utf8").digest("hex"),
  fraction: () => randomBytes(4).readUInt32BE() / 2 ** 32,
};

function timeText(now: number): string {
  let rest = now;
  let text = "";
  for (let at = 0; at < TIME_CHARS; at++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** The first `length` groups of five bits. */
function bitsText(bytes: Uint8Array, length: number): string {
  let text = "";
  for (let at = 0; at < length; at++) {
    const bit = at * 5;
    const pair = ((bytes[bit >> 3] ?? 0) << 8) | (bytes[(bit >> 3) + 1] ?? 0);
    text += ALPHABET.charAt((pair >> (11 - (bit & 7))) & 31);
  }
  return text;
}
