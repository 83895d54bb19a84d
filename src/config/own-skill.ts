import { existsSync } from "node:fs";
import { join } from "node:path";
import { directoriesUp, homeOf, type Standpoint, userFolder } from "./places.ts";

/**
 * Whether the user has a skill in a folder of that name, in any place where the host looks: of two with one name it takes the
 * one that a plugin brings (measured), and the user's is to win.
 *
 * @param paths more folders of skills, from the host's own configuration.
 */
export function hasOwnSkill(at: Standpoint, name: string, paths: readonly string[] = []): boolean {
  const { env } = at;
  const homes = [...directoriesUp(at), homeOf(env)];
  const named = env["OPENCODE_CONFIG_DIR"];
  const configFolders = [
    ...homes.map((home) => join(home, ".opencode")),
    userFolder(env),
    ...(named ? [named] : []),
  ];
  const roots = [
    ...configFolders.flatMap((folder) => [join(folder, "skill"), join(folder, "skills")]),
    ...homes.flatMap((home) => [join(home, ".claude", "skills"), join(home, ".agents", "skills")]),
    ...paths,
  ];
  return roots.some((root) => existsSync(join(root, name, "SKILL.md")));
}
