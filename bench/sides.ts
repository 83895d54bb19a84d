import { join } from "node:path";
import { type Bench, type BenchOptions, openBench } from "../test/support/bench.ts";
import { type Json, PROJECT_ROOT } from "../test/support/host-ground.ts";

/** The plugin as it is shipped: what `npm run build` has just made. */
const PLUGIN_BUILT: string = join(PROJECT_ROOT, "dist", "plugin.js");

/** A plugin that does nothing: what any plugin costs. */
const PLUGIN_EMPTY: string = "empty-plugin.js";

/** What a host is measured with. */
export type Side = "bare" | "empty" | "off" | "on";

/**
 * The same host, ground and model server for every side; only the configuration differs.
 *
 * @param teamMode what an enabled side is configured with.
 */
export function openSide(side: Side, serve: boolean = true, teamMode?: Json): Promise<Bench> {
  return openBench({ serve, ...optionsOf(side), ...(teamMode === undefined ? {} : { teamMode }) });
}

function optionsOf(side: Side): BenchOptions {
  switch (side) {
    case "bare":
      return { plugin: false };
    case "empty":
      return {
        plugin: `./${PLUGIN_EMPTY}`,
        files: { [PLUGIN_EMPTY]: 'export default { id: "empty", server: async () => ({}) };\n' },
      };
    case "off":
      return { plugin: PLUGIN_BUILT };
    case "on":
      return { plugin: PLUGIN_BUILT, teamMode: { enabled: true } };
  }
}

/**
 * The sides in the order of round `round`: forwards, then backwards. What changes slowly (the machine's other load, its
 * temperature) then falls on all of them alike.
 */
export function inTurn<T>(sides: readonly T[], round: number): readonly T[] {
  return round % 2 === 0 ? sides : sides.toReversed();
}
