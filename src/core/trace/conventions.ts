/**
 * Names of the GenAI conventions as of one revision, all of them in development and subject to change: written down here so
 * that another revision is another file, and every span says which one it follows.
 */
export const REVISION = "semantic-conventions-genai 2026-11";

export const GEN_AI = {
  operation: "gen_ai.operation.name",
  provider: "gen_ai.provider.name",
  workflow: "gen_ai.workflow.name",
  agentName: "gen_ai.agent.name",
  agentId: "gen_ai.agent.id",
  conversation: "gen_ai.conversation.id",
  requestModel: "gen_ai.request.model",
  finishReasons: "gen_ai.response.finish_reasons",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  reasoningTokens: "gen_ai.usage.reasoning.output_tokens",
  cacheReadTokens: "gen_ai.usage.cache_read.input_tokens",
  cacheCreationTokens: "gen_ai.usage.cache_creation.input_tokens",
  toolName: "gen_ai.tool.name",
  toolCallId: "gen_ai.tool.call.id",
  toolType: "gen_ai.tool.type",
  toolArguments: "gen_ai.tool.call.arguments",
  toolResult: "gen_ai.tool.call.result",
  inputMessages: "gen_ai.input.messages",
  outputMessages: "gen_ai.output.messages",
} as const;

/** Of the general conventions. */
export const ERROR_TYPE = "error.type";

/** What the conventions have no name for: runs, activations, mail, tasks, approvals. */
export const TEAM = {
  runId: "opencode.team.run_id",
  runLabel: "opencode.team.run_label",
  pluginVersion: "opencode.team.plugin.version",
  semconv: "opencode.team.semconv",
  spawn: "opencode.team.spawn_seq",
  activation: "opencode.team.activation",
  cause: "opencode.team.cause",
  agentType: "opencode.team.agent_type",
  cost: "opencode.team.cost",
  inputTokens: "opencode.team.input_tokens",
  outputTokens: "opencode.team.output_tokens",
  endReason: "opencode.team.end_reason",
  orphanReason: "opencode.team.orphan_reason",
  correlation: "opencode.team.correlation",
  compaction: "opencode.team.compaction",
  subagentOf: "opencode.team.subagent_of",
  hostMessage: "opencode.message.id",
  approvalWaitMs: "opencode.team.approval_wait_ms",
  message: "opencode.team.message_id",
  from: "opencode.team.from",
  task: "opencode.team.task_id",
} as const;

export const ASKED = "permission.asked";
export const REPLIED = "permission.replied";

/** The host's provider ids that the conventions have a name of their own for. Any other is passed on as it is. */
const PROVIDERS: Readonly<Record<string, string>> = {
  "amazon-bedrock": "aws.bedrock",
  azure: "azure.ai.openai",
  google: "gcp.gemini",
  "google-vertex": "gcp.vertex_ai",
  mistral: "mistral_ai",
  xai: "x_ai",
};

export function providerName(providerId: string): string {
  return Object.hasOwn(PROVIDERS, providerId) ? (PROVIDERS[providerId] ?? providerId) : providerId;
}
