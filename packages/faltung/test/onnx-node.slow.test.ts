/**
 * ONNX's own conformance cases, through import and both backends. `onnx-node.expected.json` has what is not supported,
 * and why: a case that newly passes, or no longer does, fails here until the file says so
 * (`npx vitest run packages/faltung/test/onnx-node.slow.test.ts -u`).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeTensor, importOnnx, readTensor } from "../src/format/onnx/index.ts";
import { type Outcome, conformanceCases, difference, runCase, summary } from "./onnx-case.ts";
import { Tensor } from "../src/tensor/tensor.ts";

const cases = conformanceCases();

describe.each(["reference", "wasm"] as const)("ONNX conformance, backend %s", (backend) => {
  const outcomes = new Map<string, Outcome>();

  it.each(cases)("$name", async ({ name, folder }) => {
    const outcome = await runCase(folder, { backend });
    outcomes.set(name, outcome);
    expect(outcome).not.toHaveProperty("kind", "failed");
  });

  it("passes what it passed before, and says why it does not pass the rest", async () => {
    expect(outcomes.size).toBe(cases.length);
    await expect(summary(outcomes)).toMatchFileSnapshot("onnx-node.expected.json");
  });
});

describe("the runner", () => {
  const [conv] = cases.filter(({ name }) => name === "test_Conv1d_pad1");

  it("would see a wrong number, a wrong shape, and a NaN", () => {
    const path = join(conv.folder, "test_data_set_0/output_0.pb");
    const expected = decodeTensor(readTensor(readFileSync(path), path), undefined, path);
    const actual = new Tensor(Float32Array.from(expected.data), expected.shape);
    expect(difference(actual, expected)).toBeUndefined();
    actual.data[3] *= 1.01;
    expect(difference(actual, expected)).toMatch(/element 3/);
    actual.data[3] = Number.NaN;
    expect(difference(actual, expected)).toMatch(/element 3 is NaN/);
    expect(difference(actual.reshape([-1]), expected)).toMatch(/shape/);
  });

  it("reads the models that it runs", () => {
    const net = importOnnx(readFileSync(join(conv.folder, "model.onnx")));
    expect(net.tensors).not.toHaveLength(0);
  });
});
