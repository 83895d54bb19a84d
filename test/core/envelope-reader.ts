/**
 * Reads envelopes the way a strict reader would: anything inside a body that looks like a tag of ours, however it is
 * spelled, is an error and not text.
 */
export interface ReadEnvelope {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** As the author wrote it: the escape is undone. */
  readonly body: string;
}

const INVISIBLE = /\p{Cf}/u;
const SPACE_OR_INVISIBLE = /[\s\p{Cf}]/u;

export function readBatch(text: string): ReadEnvelope[] {
  const found: ReadEnvelope[] = [];
  let rest = text;
  while (rest !== "") {
    const opening = /^<(peer_message|peer_reminder)((?: [a-zA-Z]+="[^"<>\n\t\r]*")*)>/.exec(rest);
    if (!opening) throw new Error(`no envelope starts at: ${rest.slice(0, 60)}`);
    const [whole, tag = "", attributes = ""] = opening;
    rest = rest.slice(whole.length);
    const end = firstTag(rest);
    const closing = `</${tag}>`;
    if (end < 0 || !rest.startsWith(closing, end))
      throw new Error(`the body of ${whole} holds a tag of ours`);
    found.push({ tag, attributes: readAttributes(attributes), body: unescaped(rest.slice(0, end)) });
    rest = rest.slice(end + closing.length);
    if (rest !== "" && !rest.startsWith("\n<"))
      throw new Error(`between envelopes stands: ${rest.slice(0, 60)}`);
    rest = rest.slice(1);
  }
  return found;
}

/** Where the first thing stands that somebody could take for a tag of ours. */
function firstTag(text: string): number {
  for (let at = text.indexOf("<"); at >= 0; at = text.indexOf("<", at + 1)) {
    const ahead = [...text.slice(at + 1)];
    const name = (from: number): boolean =>
      ahead
        .slice(from, from + 5)
        .join("")
        .toLowerCase() === "peer_";
    const skip = (from: number, what: RegExp): number => {
      let to = from;
      while (what.test(ahead[to] ?? "")) to += 1;
      return to;
    };
    if (name(skip(0, INVISIBLE))) return at;
    const slash = skip(0, SPACE_OR_INVISIBLE);
    if (ahead[slash] === "/" && name(skip(slash + 1, SPACE_OR_INVISIBLE))) return at;
  }
  return -1;
}

function readAttributes(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/ ([a-zA-Z]+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, decoded(value)]),
  );
}

function decoded(value: string): string {
  return value.replace(/&(?:#(\d+)|(amp|lt|gt|quot));|&/g, (found, code?: string, name?: string) => {
    if (code !== undefined) return String.fromCodePoint(Number(code));
    const plain = { amp: "&", lt: "<", gt: ">", quot: '"' }[name ?? ""];
    if (plain === undefined) throw new Error(`a bare & in an attribute: ${found}`);
    return plain;
  });
}

/** The escape is the only thing that ever stands before the name of a tag; one layer of it comes off. */
function unescaped(body: string): string {
  return body.replace(
    /&(amp;)?((?:amp;)*)(lt;)(?=\p{Cf}*peer_|[\s\p{Cf}]*\/[\s\p{Cf}]*peer_)/giu,
    (_found, layer: string | undefined, more: string, tag: string) =>
      layer === undefined ? "<" : `&${more}${tag}`,
  );
}
