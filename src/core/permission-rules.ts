import type { PermissionRule } from "./run.ts";
import { MEMBER_TOOLS, ORDINARY_TOOLS, TOOL_NAMES, type ToolName } from "./tool-names.ts";
import { toolRules } from "./tool-rules.ts";
import { contains, formatPatterns, matches, meet, overlap, parsePattern, type Wildcard } from "./wildcard.ts";

/**
 * What a session may do, by the host's rules: of all rules whose permission and pattern match, the last one decides, and
 * where none matches the host asks. The host evaluates a member's call against its agent's rules followed by its
 * session's, so a session rule overrides the agent's in both directions: whatever is written there must be as strict as
 * the agent, or it widens it. {@link stricter} is what keeps that promise.
 *
 * One thing is beyond any rule: what the person has answered with "always" comes after all of them, for every session of
 * the instance, members included.
 */
export type Action = PermissionRule["action"];

/** From free to forbidden. */
const RANK: Readonly<Record<Action, number>> = { allow: 0, ask: 1, deny: 2 };

/** The host's verdict on a call. */
export function evaluate(rules: readonly PermissionRule[], permission: string, pattern: string): Action {
  const last = rules.findLast((rule) => hits(rule.permission, permission) && hits(rule.pattern, pattern));
  return last?.action ?? "ask";
}

/** Whether the host takes the tool off the list that it sends to the model. `edit` stands for all tools that write. */
export function hidesTool(rules: readonly PermissionRule[], tool: string): boolean {
  const last = rules.findLast((rule) => hits(rule.permission, tool));
  return last?.pattern === "*" && last.action === "deny";
}

/** Tools of ours that an agent's rules keep from its sessions. */
export function deniedTools(agent: readonly PermissionRule[]): readonly ToolName[] {
  return TOOL_NAMES.filter((tool) => hidesTool(agent, tool));
}

/** Whether a session's own rules offer it what only a lead or a member has. */
export function offersLead(session: readonly PermissionRule[]): boolean {
  return MEMBER_TOOLS.some(
    (tool) => !ORDINARY_TOOLS.includes(tool) && evaluate(session, tool, "*") === "allow",
  );
}

/**
 * Session rules for a member whose lead and whose agent are bound by the given rules: appended to the agent's, they give
 * to every call the stricter of both verdicts. For each key that is the stricter of both catch-alls, then what either
 * denies or asks, and an exception survives where both make it. What the agent's own rules say already is left out.
 *
 * @param lead the rules of the lead's agent, followed by those of its session.
 * @param agent the rules of the member's agent.
 */
export function stricter(
  lead: readonly PermissionRule[],
  agent: readonly PermissionRule[],
): PermissionRule[] {
  return format(withoutEcho(withoutShadowed(pairwise(boxes(lead), boxes(agent)))));
}

/**
 * All session rules of a member: never wider than its lead nor its agent, without the `question` tool (nobody sees a
 * member's questions, so it would hang), and with the tools of the team.
 *
 * `doom_loop` needs no rule: the host asks for it by the agent's rules alone, and its answer comes from the run's owner.
 * What a member's own subagents may do needs none either: they inherit the denials.
 */
export function memberRules(from: {
  readonly lead: readonly PermissionRule[];
  readonly agent: readonly PermissionRule[];
}): PermissionRule[] {
  const question: PermissionRule = { permission: "question", pattern: "*", action: "deny" };
  return [...stricter(from.lead, from.agent), question, ...toolRules("member", deniedTools(from.agent))];
}

/** One wildcard of permissions by one of patterns, and what holds for the calls that lie in it. */
interface Box {
  readonly permission: Wildcard;
  readonly pattern: Wildcard;
  readonly action: Action;
  /** Place of the rule it comes from. */
  readonly rule: number;
  /** The agent's own rules, left alone, come to the same verdict for the calls that this box decides. */
  readonly echo: boolean;
}

/** A call that no rule matches is asked about: written out as a first rule. */
const UNMATCHED: PermissionRule = { permission: "*", pattern: "*", action: "ask" };

function boxes(rules: readonly PermissionRule[]): Box[] {
  const all = [UNMATCHED, ...rules].flatMap(({ permission, pattern, action }, rule) =>
    parsePattern(permission).flatMap((key) =>
      parsePattern(pattern).map(
        (value): Box => ({ permission: key, pattern: value, action, rule, echo: true }),
      ),
    ),
  );
  return withoutShadowed(all);
}

/**
 * Every box of one list with every box of the other, where they meet, with the stricter action. In lexicographic order
 * of the rules the last pair that holds a call is made of the last rule of either list that holds it, which is to say of
 * both verdicts: so the product decides each call exactly as the stricter of the two lists.
 */
function pairwise(lead: readonly Box[], agent: readonly Box[]): Box[] {
  return byRule(lead).flatMap((above) => agent.flatMap((own) => above.flatMap((box) => pair(box, own))));
}

/** Boxes of one rule are kept together: their order among themselves does not matter, and they print as one rule. */
function byRule(list: readonly Box[]): Box[][] {
  const groups: Box[][] = [];
  for (const box of list) {
    const group = groups.at(-1);
    if (group?.[0]?.rule === box.rule) group.push(box);
    else groups.push([box]);
  }
  return groups;
}

function pair(lead: Box, agent: Box): Box[] {
  if (!overlap(lead.permission, agent.permission) || !overlap(lead.pattern, agent.pattern)) return [];
  const permissions = meet(lead.permission, agent.permission);
  const patterns = meet(lead.pattern, agent.pattern);
  // Too intricate to be spelled out. Denying all that the lead's rule covers is strict enough in any case, and rules
  // that come later still make their exceptions.
  if (!permissions || !patterns) return [{ ...lead, action: "deny", echo: false }];
  const action = RANK[lead.action] > RANK[agent.action] ? lead.action : agent.action;
  const echo = action === agent.action;
  return permissions.flatMap((permission) =>
    patterns.map((pattern) => ({ ...lead, permission, pattern, action, echo })),
  );
}

/** Drops what never decides, since a later box covers it. */
function withoutShadowed(list: readonly Box[]): Box[] {
  const kept: Box[] = [];
  for (const box of list.toReversed()) {
    if (!kept.some((later) => covers(later, box))) kept.push(box);
  }
  return kept.reverse();
}

/**
 * Drops what changes nothing: an echo of the agent's rules that corrects no box before it, and a box that repeats one
 * before it with nothing else in between.
 */
function withoutEcho(list: readonly Box[]): Box[] {
  const kept: Box[] = [];
  for (const box of list) {
    const other = kept.findLastIndex((one) => one.action !== box.action && meets(one, box));
    const same = kept.findLastIndex((one) => one.action === box.action && covers(one, box));
    if (same > other || (box.echo && other === -1)) continue;
    kept.push(box);
  }
  return kept;
}

/** Neighbours of one action and permission are put together, so that two boxes of `git *` become one rule again. */
function format(list: readonly Box[]): PermissionRule[] {
  const rules: PermissionRule[] = [];
  for (let start = 0; start < list.length; ) {
    const first = list[start];
    if (!first) break;
    let end = start;
    while (list[end]?.action === first.action && list[end]?.permission === first.permission) end += 1;
    const patterns = formatPatterns(list.slice(start, end).map((box) => box.pattern));
    for (const permission of formatPatterns([first.permission])) {
      rules.push(...patterns.map((pattern) => ({ permission, pattern, action: first.action })));
    }
    start = end;
  }
  return rules;
}

function hits(pattern: string, text: string): boolean {
  return parsePattern(pattern).some((wildcard) => matches(wildcard, text));
}

function covers(outer: Box, inner: Box): boolean {
  return contains(outer.permission, inner.permission) && contains(outer.pattern, inner.pattern);
}

function meets(one: Box, other: Box): boolean {
  return overlap(one.permission, other.permission) && overlap(one.pattern, other.pattern);
}
