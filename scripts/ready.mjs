import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT, run } from "./process.mjs";

// The plugin itself runs on every Node 20; knip's parser asks for 20.19.
const NODE_NEEDED = [20, 19];

/** The tools that the tests drive for real. A missing one would otherwise show as a hundred puzzling failures. */
const TEST_TOOLS = [
  ["tmux", "-V"],
  ["git", "--version"],
];

/**
 * Packages whose install script puts the platform's binary, already in node_modules, in place of a stub that only
 * complains. Where npm is set to run no scripts, we do that.
 */
const LINKED_BINARIES = [
  ["bun/bin/bun.exe", "bun/install.js"],
  ["opencode-ai/bin/opencode.exe", "opencode-ai/postinstall.mjs"],
];

// The stubs are half a kilobyte, the binaries over a hundred megabytes.
const STUB_BELOW_BYTES = 1_000_000;

/** Refuses an old Node by name, instead of letting some package fail on it with a syntax error. */
export function requireNode(version = process.versions.node) {
  const [major, minor] = version.split(".").map(Number);
  const [neededMajor, neededMinor] = NODE_NEEDED;
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return;
  fail(
    `Node ${version} is too old: Node ${NODE_NEEDED.join(".")} or newer is needed. See https://nodejs.org.`,
  );
}

/** Refuses to start tests that cannot pass here, and says what to install. */
export function requireTestTools() {
  const missing = TEST_TOOLS.filter(
    ([tool, ask]) => spawnSync(tool, [ask], { stdio: "ignore" }).status !== 0,
  ).map(([tool]) => tool);
  if (missing.length === 0) return;
  const names = missing.join(" ");
  fail(
    `The tests drive real ${missing.join(" and ")}, and it is not installed here.\n` +
      `  Debian, Ubuntu: sudo apt-get install ${names}\n  macOS: brew install ${names}`,
  );
}

/** Makes node_modules what package-lock.json says, and does nothing if it is so already. */
export async function requirePackages() {
  const reason = whyInstall();
  if (reason !== undefined) {
    const command = existsSync(join(ROOT, "package-lock.json")) ? "ci" : "install";
    console.log(`${reason}: npm ${command}`);
    const code = await run("npm", [command, "--no-audit", "--no-fund", "--loglevel=error"]);
    if (code !== 0) fail(`npm ${command} ended with code ${code}; nothing can run without the packages.`);
  }
  for (const [binary, script] of LINKED_BINARIES) {
    if (statSync(inPackages(binary)).size >= STUB_BELOW_BYTES) continue;
    const code = await run("node", [inPackages(script)]);
    if (code !== 0) fail(`node_modules/${script} ended with code ${code}; ${binary} cannot run.`);
  }
}

/**
 * npm writes what it installed, last of all, into node_modules/.package-lock.json. Comparing with that instead of
 * with a mark of our own notices an install that broke off and respects one that a person made by hand.
 */
function whyInstall() {
  const installedFile = inPackages(".package-lock.json");
  if (!existsSync(installedFile)) return "Packages are not installed";
  if (!existsSync(join(ROOT, "package-lock.json"))) return undefined;
  const wanted = packagesOf(join(ROOT, "package-lock.json"));
  const installed = packagesOf(installedFile);
  for (const [path, { version, optional }] of wanted) {
    const found = installed.get(path)?.version;
    // An optional package is another platform's binary, and rightly absent.
    if (found === undefined && optional) continue;
    if (found !== version || !existsSync(join(ROOT, path))) return `${path} ${version} is not installed`;
  }
  return undefined;
}

function inPackages(path) {
  return join(ROOT, "node_modules", path);
}

function packagesOf(lockFile) {
  const { packages } = JSON.parse(readFileSync(lockFile, "utf8"));
  return new Map(Object.entries(packages).filter(([path]) => path !== ""));
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
