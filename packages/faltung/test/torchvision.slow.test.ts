/**
 * Networks that PyTorch exports, judged by PyTorch itself and by onnxruntime: torchvision's classifiers, U-Nets and an
 * SSD-like head, random weights, operator sets 7 to 17, free batches and sizes. `torchvision_export.py` makes them.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compile } from "../src/compile/compile.ts";
import { exportOnnx, importOnnx, readModel } from "../src/format/onnx/index.ts";
import { Tensor } from "../src/tensor/tensor.ts";
import { runOracle } from "./onnx-oracle.ts";

/** Debian's, which has Debian's PyTorch. */
const PYTHON = "/usr/bin/python3";
const SCRIPT = new URL("./torchvision_export.py", import.meta.url).pathname;

interface Entry {
  readonly name: string;
  readonly opset: number;
  readonly shape: readonly number[];
  readonly outputs: readonly (readonly number[])[];
}

/**
 * How far each may be off, as a part of the output's largest magnitude: some five times what is measured. It is as far
 * as onnxruntime is from PyTorch where the arithmetic is the same, and some times that where Winograd's algorithm is used.
 */
const NETWORKS: Readonly<Record<string, number>> = {
  resnet18: 3e-5,
  squeezenet1_1: 3e-6,
  mobilenet_v2: 1e-5,
  vgg11_bn: 1e-4,
  shufflenet_v2_x1_0: 1e-5,
  densenet121: 5e-5,
  efficientnet_b0: 1e-5,
  mobilenet_v3_small: 5e-6,
  unet_transposed: 2e-5,
  unet_nearest: 2e-5,
  unet_bilinear_9: 2e-5,
  unet_bilinear: 2e-5,
  ssd: 1e-4,
};
/**
 * Operator set 9 has no half-pixel interpolation: PyTorch writes an Upsample that computes something else than PyTorch,
 * and warns of it. What the file says is what counts, and onnxruntime does the same.
 */
const NOT_WHAT_PYTORCH_DOES = "unet_bilinear_9";
/** Those that are also written to ONNX again. */
const AGAIN: ReadonlySet<string> = new Set(["mobilenet_v2", "mobilenet_v3_small", "unet_bilinear", "ssd"]);

const folder = mkdtempSync(join(tmpdir(), "faltung-torchvision-"));
afterAll(() => rmSync(folder, { recursive: true }));
const entries = new Map<string, Entry>();

beforeAll(async () => {
  await promisify(execFile)(PYTHON, [SCRIPT, folder]);
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as readonly Entry[];
  for (const entry of manifest) entries.set(entry.name, entry);
}, 900_000);

function floats(file: string, shape: readonly number[]): Tensor {
  return new Tensor(new Float32Array(new Uint8Array(readFileSync(join(folder, file))).buffer), shape);
}

/** The largest difference, as a part of the largest magnitude. */
function off(actual: Tensor, expected: Tensor): number {
  expect(actual.shape).toEqual(expected.shape);
  let [error, scale] = [0, 0];
  expected.data.forEach((e, i) => {
    error = Math.max(error, Math.abs(actual.data[i] - e));
    scale = Math.max(scale, Math.abs(e));
  });
  expect(scale).toBeGreaterThan(0.01); // networks that say nothing would agree as well
  return error / scale;
}

it("are those that are listed, written for the operator sets that they say", () => {
  expect([...entries.keys()].sort()).toEqual(Object.keys(NETWORKS).sort());
  for (const { name, opset } of entries.values()) {
    expect(readModel(readFileSync(join(folder, `${name}.onnx`)), name).opsets.get("")).toBe(opset);
  }
});

it.each(Object.entries(NETWORKS))(
  "%s",
  async (name, bound) => {
    const { shape, outputs } = entries.get(name) ?? expect.fail(`${name} was not exported`);
    const bytes = readFileSync(join(folder, `${name}.onnx`));
    const x = floats(`${name}.x`, shape);
    const net = importOnnx(bytes, { name });
    const fn = await compile((v) => net.apply(v), { x }, { threads: 2 });
    const ours = fn({ x });
    fn.program.close();
    const theirs = await runOracle(bytes, { x });
    const again = AGAIN.has(name)
      ? exportOnnx((v) => net.apply(v), { x }, { batch: null, names: net.namedStates() })
      : null;
    const written = again === null ? null : await runOracle(again, { x });
    net.outputs.forEach((port, i) => {
      const pytorch = floats(`${name}.${i}`, outputs[i]);
      expect(off(ours[port.name], theirs[port.name])).toBeLessThan(bound);
      if (name === NOT_WHAT_PYTORCH_DOES) expect(off(theirs[port.name], pytorch)).toBeGreaterThan(0.01);
      else expect(off(ours[port.name], pytorch)).toBeLessThan(bound);
      if (written !== null) expect(off(written[port.name], theirs[port.name])).toBeLessThan(bound);
    });
  },
  300_000,
);
