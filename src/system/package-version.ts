import { readFileSync } from "node:fs";

/** Of this package, from source as well as from what is built: `package.json` stands above the folder of either. */
export function readVersion(): string {
  for (const above of ["../package.json", "../../package.json"]) {
    try {
      const text = readFileSync(new URL(above, import.meta.url), "utf8");
      return String((JSON.parse(text) as { readonly version?: unknown }).version);
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code !== "ENOENT") throw fault;
    }
  }
  return "unknown";
}
