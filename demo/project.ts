/** The repository the team finds. */
export const PROJECT: Readonly<Record<string, string>> = {
  "README.md": "# greeter\n\nNothing here yet.\n",
  "package.json": `${JSON.stringify({ name: "greeter", private: true, type: "module" }, undefined, 2)}\n`,
};

/** With a mistake that only a test finds: a blank name is greeted as if it were one. */
export const GREET: string = `import { pathToFileURL } from "node:url";

export function greet(name = "world") {
  return \`Hello, \${name}!\`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(greet(process.argv[2]));
}
`;

export const TEST: string = `import assert from "node:assert/strict";
import { test } from "node:test";
import { greet } from "../src/greet.js";

test("greets by name", () => {
  assert.equal(greet("Ada"), "Hello, Ada!");
});

test("greets the world without a name", () => {
  assert.equal(greet(), "Hello, world!");
});

test("a blank name is no name", () => {
  assert.equal(greet("  "), "Hello, world!");
});
`;

export const README: string = `# greeter

    $ node src/greet.js Ada
    Hello, Ada!

Without a name it greets the world: \`Hello, world!\`.
Tests: \`node --test\`.
`;
