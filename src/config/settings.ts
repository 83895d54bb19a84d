import { type CategoryOptions, type TeamModeOptions, toLimits } from "../options.ts";
import type { Category, Settings } from "../ports.ts";
import { parseModel } from "../records/model.ts";

/** The options in the words of the verbs. */
export function toSettings(options: TeamModeOptions): Settings {
  return {
    limits: toLimits(options),
    offerTools: options.offer_tools,
    taskRecovery: options.task_recovery,
    categories: Object.fromEntries(
      Object.entries(options.categories).map(([name, category]) => [name, toCategory(category)]),
    ),
    agentEligibility: options.agent_eligibility,
    panes: options.tmux_visualization,
  };
}

function toCategory({ agent, model: written, variant, prompt, description }: CategoryOptions): Category {
  const model = written === undefined ? undefined : parseModel(written, variant);
  return {
    agent,
    ...(model === undefined ? {} : { model }),
    ...(prompt ? { prompt } : {}),
    ...(description ? { description } : {}),
  };
}
