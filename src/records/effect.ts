import { z } from "zod";
import type { Effect, EffectType } from "../core/effects.ts";
import type { PermissionRule } from "../core/run.ts";
import { journalEntrySchema } from "./journal.ts";
import { messageSchema } from "./message.ts";
import { count, oneOf, openWord, recordOf } from "./shape.ts";
import { taskSchema } from "./task.ts";

export const ruleSchema: z.ZodType<PermissionRule> = recordOf<PermissionRule>({
  permission: z.string(),
  pattern: z.string(),
  action: oneOf({ allow: true, ask: true, deny: true }),
});

type Of<T extends EffectType> = Extract<Effect, { readonly type: T }>;

const EFFECTS: { readonly [T in EffectType]: z.ZodType<Of<T>> } = {
  put_message: recordOf<Of<"put_message">>({
    effectId: z.string(),
    type: z.literal("put_message"),
    message: messageSchema,
  }),
  write_task: recordOf<Of<"write_task">>({
    effectId: z.string(),
    type: z.literal("write_task"),
    task: taskSchema,
  }),
  append_journal: recordOf<Of<"append_journal">>({
    effectId: z.string(),
    type: z.literal("append_journal"),
    entry: journalEntrySchema,
  }),
  open_session: recordOf<Of<"open_session">>({
    effectId: z.string(),
    type: z.literal("open_session"),
    member: z.string(),
    generation: count,
  }),
  abort_session: recordOf<Of<"abort_session">>({
    effectId: z.string(),
    type: z.literal("abort_session"),
    sessionId: z.string(),
    directory: z.string(),
  }),
  remove_worktree: recordOf<Of<"remove_worktree">>({
    effectId: z.string(),
    type: z.literal("remove_worktree"),
    member: z.string(),
  }),
  add_rules: recordOf<Of<"add_rules">>({
    effectId: z.string(),
    type: z.literal("add_rules"),
    sessionId: z.string(),
    rules: z.array(ruleSchema),
  }),
  show_toast: recordOf<Of<"show_toast">>({
    effectId: z.string(),
    type: z.literal("show_toast"),
    directory: z.string(),
    level: openWord(),
    text: z.string(),
  }),
  answer_permission: recordOf<Of<"answer_permission">>({
    effectId: z.string(),
    type: z.literal("answer_permission"),
    participant: z.string(),
    requestId: z.string(),
    reply: oneOf({ once: true, always: true, reject: true }),
    message: z.string().exactOptional(),
  }),
  archive_run: recordOf<Of<"archive_run">>({ effectId: z.string(), type: z.literal("archive_run") }),
};

/** An effect of a type that only a newer version can perform. */
export interface ForeignEffect {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** One entry of the outbox. Of a known type it must be whole; of an unknown one it is only passed on. */
export const outboxEntrySchema: z.ZodType<Effect | ForeignEffect> = z
  .looseObject({ type: z.string() })
  .transform((effect, context): Effect | ForeignEffect => {
    if (!isKnown(effect)) return effect;
    const result = EFFECTS[effect.type].safeParse(effect);
    if (result.success) return result.data;
    for (const issue of result.error.issues) {
      context.issues.push({ code: "custom", message: issue.message, path: issue.path, input: effect });
    }
    return z.NEVER;
  });

export function isKnown<T extends { readonly type: string }>(
  effect: T,
): effect is T & { readonly type: EffectType } {
  return Object.hasOwn(EFFECTS, effect.type);
}
