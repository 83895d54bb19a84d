import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Report } from "../core/report/report.ts";

/** Beside the source as beside the build, as it is written. */
const FOLDER = new URL("../../report/", import.meta.url);

/** What the page's script is made of; each imports only from those before it. */
const SCRIPTS = ["words", "scale", "tracks", "drawing", "timeline", "details", "tables", "main"] as const;

/**
 * The page with everything in it. Its policy lets a browser run this script and use this style, and load nothing at all: so
 * what names and subjects hold is shown as text, or not at all.
 */
export function pageOf(report: Report): string {
  const style = partOf("page.css");
  const script = SCRIPTS.map((name) => joinable(partOf(`${name}.js`))).join("\n");
  const policy = `default-src 'none'; script-src '${digestOf(script)}'; style-src '${digestOf(style)}'; base-uri 'none'; form-action 'none'`;
  const parts: Readonly<Record<string, string>> = { policy, style, script, report: inScriptTag(report) };
  return partOf("page.html").replace(/\{\{(\w+)\}\}/g, (_, name: string) => parts[name] ?? "");
}

function partOf(name: string): string {
  return readFileSync(new URL(name, FOLDER), "utf8");
}

/** The page has no other files to import from: all modules are one. */
function joinable(module: string): string {
  return module.replace(/^import [^;]*;\n/gm, "").replace(/^export /gm, "");
}

/** JSON in which no tag can begin, so that none can end. */
function inScriptTag(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

function digestOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
