/**
 * What the host writes into a directory by itself when it makes an instance for it. None of it is anybody's work, and all of
 * it comes back with the next instance.
 */

/** What it needs to install a plugin's dependencies beside the configuration; its own `.gitignore` hides these. */
const INSTALLED =
  /(^|\/)\.opencode\/(node_modules\/|package\.json|package-lock\.json|bun\.lockb?|\.gitignore)$/;

/** @param path of an ignored file, or of a folder with `/` at its end. */
export function isHostsOwn(path: string): boolean {
  return INSTALLED.test(path);
}

const CONFIG = /(^|\/)opencode\.jsonc?$/;
const SCHEMA = '"$schema": "https://opencode.ai/config.json",';

/** The file's text as the host leaves it: a configuration without a schema is given the line that names it. */
export function amended(path: string, text: string): string | undefined {
  if (!CONFIG.test(path) || text.includes('"$schema"')) return undefined;
  return text.replace(/^\s*\{/, `{\n  ${SCHEMA}`);
}
