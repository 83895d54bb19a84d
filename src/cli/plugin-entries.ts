import { existsSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { namesIn, textOf } from "./files.ts";
import type { ConfigSource, World } from "./world.ts";

const NAME = "opencode-flotilla";

/** One place from which the host loads the plugin. */
export interface PluginEntry {
  readonly place: string;
  /** As it is written, or the path of a file in a folder that the host loads by itself. */
  readonly spec: string;
  /** Absolute, if it names something on this machine. */
  readonly path?: string;
  /** What stands beside it. */
  readonly options?: unknown;
}

/** Everything that loads flotilla, in the host's order: entries of configurations, then files of plugin folders. */
export function pluginEntries({ sources, pluginHomes }: World): readonly PluginEntry[] {
  return [...sources.flatMap(entriesOf), ...pluginHomes.flatMap(filesOf)];
}

function entriesOf({ plugin, folder, placeOf }: ConfigSource): readonly PluginEntry[] {
  if (!Array.isArray(plugin)) return [];
  return plugin.flatMap((written: unknown, index): readonly PluginEntry[] => {
    const [spec, options]: readonly unknown[] = Array.isArray(written) ? written : [written];
    if (typeof spec !== "string") return [];
    const path = pathOf(spec, folder);
    if (!(path === undefined ? isOurPackage(spec) : isOurPath(path))) return [];
    return [
      {
        place: placeOf(index),
        spec,
        ...(path === undefined ? {} : { path }),
        ...(options === undefined ? {} : { options }),
      },
    ];
  });
}

/** A package's name may stand behind an alias or a host, and before a version, a path or a branch. */
function isOurPackage(spec: string): boolean {
  return /^(?:.*[/:])?opencode-flotilla(?:\.git)?(?:[@#].*)?$/.test(spec);
}

function pathOf(spec: string, folder: string): string | undefined {
  if (spec.startsWith("file://")) return pathOfUrl(spec);
  return spec.startsWith(".") || isAbsolute(spec) ? resolve(folder, spec) : undefined;
}

function pathOfUrl(url: string): string | undefined {
  try {
    return fileURLToPath(url);
  } catch (error) {
    // No URL, or one of another machine: it names nothing here.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Whatever the folder is called, its package.json says what it is. One that is gone can only be told by its name. */
function isOurPath(path: string): boolean {
  if (!existsSync(path)) return path.includes(NAME);
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
    const text = textOf(join(folder, "package.json"));
    if (text !== undefined) return nameIn(text) === NAME;
  }
  return false;
}

function nameIn(packageJson: string): string | undefined {
  return /"name"\s*:\s*"([^"]*)"/.exec(packageJson)?.[1];
}

/** A file in there that speaks of the package passes it on. */
function filesOf(home: string): readonly PluginEntry[] {
  return ["plugin", "plugins"].flatMap((name) => {
    const folder = join(home, name);
    return namesIn(folder)
      .filter((file) => /\.[jt]s$/.test(file))
      .map((file) => join(folder, file))
      .filter((path) => textOf(path)?.includes(NAME))
      .map((path): PluginEntry => ({ place: path, spec: path, path }));
  });
}
