import { cpSync, existsSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The folder that holds package.json. */
export const ROOT: string = join(import.meta.dir, "..", "..");

const SETTINGS = [
  ".npmrc",
  "LICENSE",
  "README.md",
  "biome.json",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "tsconfig.build.json",
];

/**
 * Makes a copy of the project's settings and of the given folders, with the installed packages linked in. What a test
 * builds, packs or breaks there cannot disturb the dist/ that other tests run. The caller removes the folder.
 */
export function makeCheckout(folders: readonly string[]): string {
  const checkout = mkdtempSync(join(tmpdir(), "flotilla-checkout-"));
  for (const name of [...SETTINGS, ...folders]) {
    if (existsSync(join(ROOT, name))) {
      cpSync(join(ROOT, name), join(checkout, name), { recursive: true });
    }
  }
  symlinkSync(join(ROOT, "node_modules"), join(checkout, "node_modules"));
  return checkout;
}
