import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { buildCommand } from "./command.ts";
import { capture, SCENES, screenFile } from "./screens.ts";

/** Writes docs/screens/: what a person sees of the command today. Then: npm run generate. */
const command = buildCommand();
for (const name of Object.keys(SCENES)) {
  const file = screenFile(name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, await capture(command, name));
  console.log(`wrote ${file}`);
}
