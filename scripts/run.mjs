/**
 * Every npm script comes through here, so that each works in a fresh checkout: Node is new enough, the packages of
 * package-lock.json are there, and then the installed program runs. Depends on nothing but Node.
 */
import { build } from "./build.mjs";
import { run } from "./process.mjs";
import { requireNode, requirePackages, requireTestTools } from "./ready.mjs";
import { testAll, testFolder } from "./suite.mjs";

const COMMANDS = {
  test: { testTools: true, start: (args) => testAll(args) },
  check: { start: check },
  build: { start: build },
  generate: { start: (args) => run("bun", ["scripts/generate.ts", ...args]) },
  demo: { testTools: true, start: (args) => buildThen("demo/main.ts", args) },
  bench: { testTools: true, start: (args) => buildThen("bench/main.ts", args) },
  faults: { testTools: true, start: (args) => testFolder("test/faults", args) },
  chaos: { testTools: true, start: (args) => testFolder("test/chaos", args) },
  soak: { testTools: true, start: (args) => testFolder("test/soak", args) },
  // The same stories as in `test`, with every point of every matrix instead of a sample.
  "e2e:full": { testTools: true, start: (args) => testFolder("test/e2e", args, { FLOTILLA_MATRIX: "full" }) },
};

async function check() {
  const codes = [];
  for (const [program, ...args] of [
    ["tsc", "--noEmit"],
    ["tsc", "-p", "report"],
    ["biome", "check", "--error-on-warnings"],
    ["bun", "scripts/architecture.ts"],
    ["knip"],
  ]) {
    codes.push(await run(program, args));
  }
  return codes.every((code) => code === 0) ? 0 : 1;
}

async function buildThen(file, args) {
  const code = await build();
  return code === 0 ? run("bun", [file, ...args]) : code;
}

const [name = "", ...args] = process.argv.slice(2);
const command = COMMANDS[name];
if (command === undefined) {
  console.error(`"${name}" is not a command. Commands: ${Object.keys(COMMANDS).join(", ")}.`);
  process.exit(2);
}
requireNode();
await requirePackages();
if (command.testTools) requireTestTools();
process.exitCode = await command.start(args);
