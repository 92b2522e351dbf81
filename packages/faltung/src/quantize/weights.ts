/** Weights as signed bytes: symmetric, with a scale of its own for each output channel. */
import { type AffineChain, scaledWeight } from "../compile/affine.ts";
import { matmulOp } from "../ops/matmul/matmul.op.ts";
import { roundEven } from "../ops/map/special.ts";
import { reach } from "../ops/quant/integer.ts";
import type { Quantization } from "../ops/quant/quantize.op.ts";
import { Tensor } from "../tensor/tensor.ts";

export interface LayerWeights {
  /** Signed bytes, [O, …]. */
  readonly weight: Tensor;
  /** int32 [O], in units of the products. */
  readonly bias: Tensor;
  /** float32 [O]: what a unit of the products is worth. */
  readonly scale: Tensor;
  /** No sum of products is larger. */
  readonly bound: number;
}

const MOST = 127;
/** Biases stay below, so that they and a sum fit into 32 bits together. */
const LARGEST_BIAS = 2 ** 30;

/** @param weight of the chain's base, before its scale @param x how the input is quantised */
export function quantizeLayer(chain: AffineChain, weight: Tensor, x: Quantization): LayerWeights {
  const rows = rowsOf(chain, scaledWeight(chain, weight));
  const [channels] = rows.shape;
  const each = rows.size / channels;
  const bytes = new Uint8Array(rows.size);
  const bias = new Int32Array(channels);
  const scale = new Float32Array(channels);
  let largest = 0;
  for (let o = 0; o < channels; o++) {
    const row = rows.data.subarray(o * each, (o + 1) * each);
    let most = 0;
    for (const w of row) most = Math.max(most, Math.abs(w));
    const step = Math.max(most / MOST, Math.abs(chain.shift[o]) / (x.scale * LARGEST_BIAS)) || 1;
    scale[o] = step * x.scale;
    let sum = 0;
    row.forEach((w, i) => {
      const q = roundEven((w * x.scale) / scale[o]);
      bytes[o * each + i] = q & 0xff;
      sum += Math.abs(q);
    });
    bias[o] = Math.round(chain.shift[o] / scale[o]);
    largest = Math.max(largest, sum);
  }
  return {
    weight: new Tensor(bytes, rows.shape),
    bias: new Tensor(bias, [channels]),
    scale: new Tensor(scale, [channels]),
    bound: largest * reach(x),
  };
}

/** The weight with output channels first. */
function rowsOf({ base }: AffineChain, weight: Tensor): Tensor {
  if (base.op.name !== matmulOp.name || (base.attrs as { readonly transB: boolean }).transB) return weight;
  const [inner, columns] = weight.shape;
  const turned = Float32Array.from(weight.data, (_, i) => weight.data[(i % inner) * columns + Math.floor(i / inner)]);
  return new Tensor(turned, [columns, inner]);
}
