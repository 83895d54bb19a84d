import { describe, expect, test } from "bun:test";
import { type ModelProfile, modelFault } from "../../src/core/model-choice.ts";

const MODELS: readonly ModelProfile[] = [
  { providerId: "mock", modelId: "m", variants: ["high", "low"] },
  { providerId: "mock", modelId: "n", variants: [] },
  { providerId: "other", modelId: "deep/er", variants: [] },
];

describe("a model that a member is to run on", () => {
  test.each([
    { providerId: "mock", modelId: "m" },
    { providerId: "mock", modelId: "m", variant: "low" },
    { providerId: "other", modelId: "deep/er" },
  ])("can be had: %p", (wanted) => {
    expect(modelFault(wanted, MODELS)).toBeUndefined();
  });

  test("is refused with those that there are", () => {
    expect(modelFault({ providerId: "mok", modelId: "m" }, MODELS)).toBe(
      'Model "mok/m": there is no provider "mok" here. Providers are: mock, other.',
    );
    expect(modelFault({ providerId: "mock", modelId: "x" }, MODELS)).toBe(
      'Provider "mock" has no model "x". Its models are: m, n.',
    );
    expect(modelFault({ providerId: "mock", modelId: "m", variant: "max" }, MODELS)).toBe(
      'Model "mock/m" has no variant "max". Its variants are: high, low.',
    );
    expect(modelFault({ providerId: "mock", modelId: "n", variant: "low" }, MODELS)).toEndWith(": none.");
    expect(modelFault({ providerId: "mock", modelId: "m" }, [])).toEndWith("Providers are: none.");
  });

  test("is refused in a sentence, however many there are", () => {
    const many = Array.from({ length: 300 }, (_, at) => ({
      providerId: "mock",
      modelId: `m${at}`,
      variants: [],
    }));
    expect(modelFault({ providerId: "mock", modelId: "x" }, many)).toEndWith("m10, m11 and 288 more.");
  });
});
