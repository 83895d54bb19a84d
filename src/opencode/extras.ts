import { fields, list, text } from "./decode.ts";

/** What comes with the plugin beside its tools. */
export interface Extras {
  /** A folder of skills; absent where the user has one of the same name, which the host would put behind ours. */
  readonly skills?: string;
}

/**
 * Changes the config in place, in the `config` hook: adds the command `/team`, unless the user has one, and the skills.
 * The user's own commands are in the config by then, those of files as well (measured).
 */
export function addExtras(config: { command?: unknown; skills?: unknown }, { skills }: Extras): void {
  config.command = { team: TEAM_COMMAND, ...fields(config.command) };
  if (skills === undefined) return;
  const own = fields(config.skills);
  const paths = list(own["paths"]).flatMap((path) => text(path) ?? []);
  config.skills = { ...own, paths: [...paths, skills] };
}

const TEAM_COMMAND = {
  description: "have a team of agents do it, which this session leads",
  template: `Form a team of agents and lead it. What is to be done:

$ARGUMENTS

If nothing is said above, it is what this conversation is about; if that is not clear either, ask me. team_list shows teams that are declared here, and team_create makes one.`,
};
