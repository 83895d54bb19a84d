import type { MemberSpec, TeamSpec } from "../core/spec.ts";
import { jsonSchemaOf, sayAllowed } from "./allowed.ts";
import { parseModel } from "./model.ts";
import { distinctNames, normalName, RESERVED_NAMES } from "./names.ts";
import { type Path, type Problem, problemsOf, sayPath, sayValue } from "./problem.ts";
import { draftTeam, type TeamDraft } from "./team-draft.ts";
import {
  categoryPromptSchema,
  type MemberText,
  NAME_PATTERN,
  type TeamText,
  teamSchema,
} from "./team-schema.ts";

/** What became of a team that somebody wrote. Problems carry paths as the author wrote them. */
export type TeamReading =
  | {
      readonly ok: true;
      readonly spec: TeamSpec;
      /** What was understood differently from what was written, a sentence each, for the answer. */
      readonly notes: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Understands a team: an object, a bare list of members, or JSON text of either. Forgiving in spelling and strict in
 * meaning: what is not understood is refused, never ignored. Never throws.
 *
 * @param name what the team is called if it does not say so itself.
 */
export function parseTeam(written: unknown, name: string): TeamReading {
  const draft = draftTeam(written);
  const named = withNames(draft);
  const result = teamSchema.safeParse(named.value);
  const problems = [
    [...draft.problems, ...named.problems],
    result.success ? [] : asAuthored(problemsOf(teamSchema, named.value, result.error), draft),
    asAuthored(memberProblems(named.value), draft),
  ].reduce(added);
  if (!result.success || problems.length > 0) return { ok: false, problems };
  return { ok: true, ...settled(result.data, name, named.notes, draft) };
}

/** For a member whose agent has no name that could be its own. */
const NAMELESS = "member";

/** A draft whose names are normalised, where they can be. */
interface Named {
  readonly value: unknown;
  /** Paths as written. */
  readonly problems: readonly Problem[];
  readonly notes: readonly string[];
}

function withNames(draft: TeamDraft): Named {
  const { value } = draft;
  if (!isObject(value)) return { value, problems: [], notes: [] };
  const problems: Problem[] = [];
  const notes: string[] = [];
  const list = value["members"];
  const normal = { ...value, ...(Array.isArray(list) ? { members: list.map(named) } : {}) };
  const team = normalised(value["name"], ["name"]);
  return { value: team === undefined ? normal : { ...normal, name: team }, problems, notes };

  function named(member: unknown, index: number): unknown {
    if (!isObject(member)) return member;
    const path: Path = ["members", index, "name"];
    const name = "name" in member ? normalised(member["name"], path) : nameFrom(member, index);
    if (name === undefined) return member;
    if (RESERVED_NAMES.includes(name)) problems.push(reservedName(draft.authored(path), member["name"]));
    return { ...member, name };
  }

  /** A member without a name is called after what serves it. */
  function nameFrom(member: Fields, index: number): string | undefined {
    const source = member["subagent_type"] ?? member["category"];
    if (typeof source !== "string") return undefined;
    const plain = normalName(source.replaceAll(/[^\p{L}\p{N}]+/gu, "-"));
    const name = NAME_PATTERN.test(plain) && !RESERVED_NAMES.includes(plain) ? plain : NAMELESS;
    if (name !== source) {
      notes.push(`${sayPath(draft.authored(["members", index]))} has no name and is called "${name}".`);
    }
    return name;
  }

  function normalised(written: unknown, path: Path): string | undefined {
    if (typeof written !== "string") return undefined;
    const name = normalName(written);
    // Text that no rule makes a name stays as it is, so that the error shows what was written.
    if (!NAME_PATTERN.test(name)) return written.trim();
    if (name !== written)
      notes.push(`${sayPath(draft.authored(path))} ${sayValue(written)} is used as "${name}".`);
    return name;
  }
}

function reservedName(path: Path, written: unknown): Problem {
  return {
    path,
    message: `received ${sayValue(written)}, which is reserved`,
    received: sayValue(written),
    allowed: `any name but ${RESERVED_NAMES.join(", ")}`,
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** What one field alone does not show. Paths of the draft. */
function memberProblems(team: unknown): readonly Problem[] {
  const members = isObject(team) ? team["members"] : undefined;
  if (!Array.isArray(members)) return [];
  return members.flatMap((member: unknown, index) => {
    if (!isObject(member)) return [];
    const problems = [servedBy(member), categoryPrompt(member), variantOfNothing(member)];
    return problems
      .filter((problem) => problem !== undefined)
      .map((problem) => ({ ...problem, path: ["members", index, ...problem.path] }));
  });
}

function servedBy({ kind, subagent_type: agent, category }: Fields): Problem | undefined {
  if (agent !== undefined && category !== undefined) {
    return {
      path: [],
      message: `received both an agent (${sayValue(agent)}) and a category (${sayValue(category)})`,
      allowed: "one of the two",
    };
  }
  if (kind === "category" && category === undefined)
    return absent("category", "a name in team_mode.categories");
  if (kind === "subagent_type" && agent === undefined) return absent("subagent_type", SOME_AGENT);
  if (agent !== undefined || category !== undefined) return undefined;
  return absent("subagent_type", `${SOME_AGENT}; or category, a name in team_mode.categories`);
}

const SOME_AGENT = 'the name of an agent that exists in this OpenCode, e.g. "general" or "build"';

function absent(key: string, allowed: string): Problem {
  return { path: [key], message: "missing", allowed };
}

function categoryPrompt({ subagent_type: agent, category, prompt }: Fields): Problem | undefined {
  if (category === undefined || agent !== undefined) return undefined;
  const written = typeof prompt === "string" ? prompt.trim() : prompt;
  if (categoryPromptSchema.safeParse(written).success) return undefined;
  const allowed = sayAllowed(jsonSchemaOf(categoryPromptSchema));
  if (prompt === undefined) {
    return { path: ["prompt"], message: "missing, and a member of a category needs one", allowed };
  }
  return { path: ["prompt"], message: `received ${sayValue(prompt)}`, received: sayValue(prompt), allowed };
}

function variantOfNothing({ variant, model }: Fields): Problem | undefined {
  if (variant === undefined || model !== undefined) return undefined;
  return {
    path: ["variant"],
    message: `received ${sayValue(variant)} without model`,
    received: sayValue(variant),
    allowed: "a variant only together with model, whose variant it is",
  };
}

function asAuthored(problems: readonly Problem[], draft: TeamDraft): readonly Problem[] {
  return problems.map((problem) => ({ ...problem, path: draft.authored(problem.path) }));
}

/** What stands at or inside something that is refused already is not said again. */
function added(known: readonly Problem[], more: readonly Problem[]): readonly Problem[] {
  const isNew = ({ path }: Problem): boolean =>
    !known.some((one) => !one.atKey && one.path.every((part, index) => path[index] === part));
  return [...known, ...more.filter(isNew)];
}

function settled(
  team: TeamText,
  fallback: string,
  notes: readonly string[],
  draft: TeamDraft,
): { readonly spec: TeamSpec; readonly notes: readonly string[] } {
  const wanted = team.members.map((member) => member.name ?? NAMELESS);
  const names = distinctNames(wanted);
  const renamed = names.flatMap((name, index) =>
    name === wanted[index]
      ? []
      : [
          `${sayPath(draft.authored(["members", index]))} repeats the name "${wanted[index]}" and is called "${name}".`,
        ],
  );
  const leadPrompt = team.lead?.prompt;
  return {
    spec: {
      name: team.name ?? fallback,
      ...(team.description === undefined ? {} : { description: team.description }),
      ...(leadPrompt === undefined ? {} : { leadPrompt }),
      allowMemberBroadcast: team.allow_member_broadcast ?? false,
      members: team.members.map((member, index) => memberSpec(member, names[index] ?? NAMELESS)),
    },
    notes: [...notes, ...renamed],
  };
}

function memberSpec(member: MemberText, name: string): MemberSpec {
  const { subagent_type: agent = "", category, prompt } = member;
  const model = member.model === undefined ? undefined : parseModel(member.model, member.variant);
  const base = { name, worktree: member.worktree ?? false, ...(model === undefined ? {} : { model }) };
  if (category !== undefined)
    return { ...base, kind: "category", category: category.trim(), prompt: prompt ?? "" };
  return { ...base, kind: "subagent_type", agent: agent.trim(), ...(prompt === undefined ? {} : { prompt }) };
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
