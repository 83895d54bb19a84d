import type { MemberName } from "./ids.ts";
import type { ModelChoice } from "./run.ts";

/** A team as it is meant, whoever wrote it and however: names normalised, synonyms resolved, absent things absent. */
export interface TeamSpec {
  readonly name: string;
  readonly description?: string;
  /** Extra instructions for the lead. */
  readonly leadPrompt?: string;
  readonly allowMemberBroadcast: boolean;
  /** At least one, no two of one name. */
  readonly members: readonly MemberSpec[];
}

export type MemberSpec = AgentMember | CategoryMember;

/** Served by an agent of the host. */
export interface AgentMember extends MemberBase {
  readonly kind: "subagent_type";
  readonly agent: string;
  readonly category?: never;
  readonly prompt?: string;
}

/** Served by whatever agent the configuration gives its category; the prompt says what is wanted of it. */
export interface CategoryMember extends MemberBase {
  readonly kind: "category";
  readonly category: string;
  readonly agent?: never;
  readonly prompt: string;
}

interface MemberBase {
  readonly name: MemberName;
  readonly model?: ModelChoice;
  /** `true`: one of our making; a text: its path as written, `~` and all. */
  readonly worktree: boolean | string;
}
