import { REFUSAL_CODES } from "../../src/core/refusal.ts";
import { FAULT_CODES } from "../../src/errors.ts";
import type { Page } from "../generate.ts";
import { code, GENERATED, page, table } from "./markdown.ts";

export const errorsPage: Page = {
  path: "docs/errors.md",
  render: () =>
    page(
      GENERATED,
      "# Errors",
      "Every error of flotilla has a `code` for programs, a `message` that says what is so with the values received, and a `hint` with the next useful step. Codes are never renamed; new ones may be added.",
      "## Refusals",
      "The request breaks a rule, and nothing was changed. From `src/core/refusal.ts`.",
      codes(REFUSAL_CODES),
      "## Faults",
      "The world did not do what it was asked. From `src/errors.ts`.",
      codes(FAULT_CODES),
    ),
};

function codes(meanings: Readonly<Record<string, string>>): string {
  return table(
    ["code", "meaning"],
    Object.entries(meanings).map(([name, meaning]) => [code(name), meaning]),
  );
}
