/**
 * ONNX's own test cases that Debian packages (ONNX 1.12), those that are not among the conformance cases already: two
 * releases of the project write different files. `onnx-debian.expected.json` has what is not supported, and why.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Outcome, conformanceCases, runCase, summary } from "./onnx-case.ts";

const ROOT = "/usr/share/libonnx-testdata/data";

/** Cases that nobody can pass by the file alone, or whose file is wrong. */
const OTHERWISE: ReadonlyMap<string, string> = new Map([
  ["test_training_dropout", "what is dropped is drawn by NumPy's generator"],
  ["test_training_dropout_default", "what is dropped is drawn by NumPy's generator"],
  ["test_adam_multiple", "made with an epsilon of 0.01, which the node does not have"],
  ["test_cast_FLOAT_to_BFLOAT16", "bfloat16 is computed with in float32, without being rounded to it"],
  ["test_castlike_BFLOAT16_to_FLOAT", "its input has another shape than the model says"],
  ["test_castlike_BFLOAT16_to_FLOAT_expanded", "its input has another shape than the model says"],
  ["test_castlike_FLOAT_to_BFLOAT16", "its input has another shape than the model says"],
  ["test_castlike_FLOAT_to_BFLOAT16_expanded", "its input has another shape than the model says"],
]);

const known = new Set(conformanceCases().map(({ name }) => name));
const cases = ["node", "pytorch-converted", "pytorch-operator", "simple"].flatMap((kind) =>
  readdirSync(join(ROOT, kind))
    .filter((name) => !known.has(name) && existsSync(join(ROOT, kind, name, "model.onnx")))
    .map((name) => ({ name, folder: join(ROOT, kind, name) })),
);

describe("ONNX 1.12's cases", () => {
  const outcomes = new Map<string, Outcome>();

  it.each(cases)("$name", async ({ name, folder }) => {
    const outcome = await runCase(folder, { backend: "wasm" });
    outcomes.set(name, outcome);
    expect(outcome.kind === "failed", JSON.stringify(outcome)).toBe(OTHERWISE.has(name));
  });

  it("passes what it passed before, and says why it does not pass the rest", async () => {
    expect(outcomes.size).toBe(cases.length);
    await expect(summary(outcomes)).toMatchFileSnapshot("onnx-debian.expected.json");
  });
});
