/** Numbers for samples, from a seed. */
import type { SampleInput } from "../src/ops/samples.ts";
import { Random } from "../src/tensor/random.ts";
import { Tensor } from "../src/tensor/tensor.ts";

export function fillTensor({ shape, dtype = "float32", fill = { kind: "normal" } }: SampleInput, seed: number): Tensor {
  const t = Tensor.zeros(shape, dtype);
  const random = new Random(seed);
  switch (fill.kind) {
    case "normal":
      for (let i = 0; i < t.size; i++) t.data[i] = awayFromZero(random.normal());
      break;
    case "uniform":
      for (let i = 0; i < t.size; i++) t.data[i] = random.uniform(fill.low, fill.high);
      break;
    case "distinct":
      random.shuffle(Array.from(t.data, (_, i) => (i - t.size / 2 + 0.3) * 0.1)).forEach((x, i) => (t.data[i] = x));
      break;
    case "integers":
      for (let i = 0; i < t.size; i++) t.data[i] = random.below(fill.below);
      break;
    case "values":
      for (let i = 0; i < t.size; i++) t.data[i] = fill.values[i % fill.values.length];
      break;
  }
  return t;
}

/** Kinks sit at zero: finite differences must not straddle them. */
function awayFromZero(x: number): number {
  return Math.abs(x) < 0.05 ? x + Math.sign(x || 1) * 0.05 : x;
}
