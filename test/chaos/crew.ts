import type { Stage, Team } from "../e2e/stage.ts";

/** One team for one killing after another: what the next one finds has survived all before. After a failure, a new one. */
export function crewOf(play: Stage): <Found>(use: (team: Team) => Promise<Found>) => Promise<Found> {
  let sound: Team | undefined;
  return async (use) => {
    const team = sound ?? (await play.team(["ada", "bo"]));
    sound = undefined;
    const found = await use(team);
    sound = team;
    return found;
  };
}
