/**
 * What of a network is computed in whole numbers. The network is traced as it is, its batch norms taken into weights; what
 * a convolution or a fully connected layer reads is kept in bytes, and what reads the same besides reads the bytes too.
 * Values are known by their place in the order of making, which is the same for every batch size.
 */
import { type AffineChain, affineChains, knownNumbers } from "../compile/affine.ts";
import { decompose } from "../compile/decompose.ts";
import { reachable } from "../compile/graph.ts";
import type { Module } from "../nn/module.ts";
import { sumOp } from "../ops/broadcast/broadcast.op.ts";
import { convOp } from "../ops/conv/conv2d.op.ts";
import { matmulOp } from "../ops/matmul/matmul.op.ts";
import { type InputAttributes, type Value, input } from "../ops/op.ts";
import { avgPoolOp } from "../ops/pool/avgPool.op.ts";
import { maxPoolOp } from "../ops/pool/maxPool.op.ts";
import { permuteOp } from "../ops/shape/permute.op.ts";
import { reshapeOp } from "../ops/shape/reshape.op.ts";
import { OptionError } from "../tensor/errors.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface FloatGraph {
  readonly input: Value<InputAttributes>;
  readonly output: Value;
  /**
   * The values between input and output, inputs before users. What is known without the input is left out: an imported
   * network keeps its constants from one trace to the next, so that their places are not the same in both.
   */
  readonly order: readonly Value[];
  readonly known: (value: Value) => Tensor | undefined;
  /** Layers that are computed in whole numbers, by the value at their end (batch norm and bias included). */
  readonly layers: ReadonlyMap<Value, AffineChain>;
  /** Values that are kept in bytes. */
  readonly stored: ReadonlySet<Value>;
}

/** The largest value of a window, and other arrangements of numbers: bytes go through as they are. */
export function passes(value: Value): boolean {
  return [maxPoolOp.name, reshapeOp.name, permuteOp.name].includes(value.op.name);
}

/** Where the bytes of a stored value are made. */
export function originOf(value: Value): Value {
  return passes(value) ? originOf(value.inputs[0]) : value;
}

/** @throws OptionError if the network depends on random numbers or has nothing to quantise */
export function floatGraph(model: Module, shape: Shape): FloatGraph {
  const x = input("x", { shape, dtype: "float32" });
  const [output] = decompose([model.forward(x)]);
  const all = reachable([output]);
  const known = knownNumbers([output], (state) => state.attrs.initial);
  const order = all.filter((value) => known(value) === undefined);
  const chains = affineChains(all, [output], known);
  const layers = new Map([...chains].filter(([, { base }]) => isLayer(base)));
  if (layers.size === 0) {
    throw new OptionError("quantize: the network has no convolution or linear layer with weights of its own.");
  }
  return { input: x, output, order, known, layers, stored: storedValues(order, layers, known) };
}

function isLayer(base: Value): boolean {
  if (base.op.name === convOp.name) return true;
  return base.op.name === matmulOp.name && (base.attrs as { readonly transA: boolean }).transA === false;
}

function storedValues(
  order: readonly Value[],
  layers: ReadonlyMap<Value, AffineChain>,
  known: FloatGraph["known"],
): ReadonlySet<Value> {
  const stored = new Set<Value>();
  const store = (value: Value): void => {
    if (known(value) !== undefined || value.dtype !== "float32") return;
    stored.add(value);
    if (passes(value)) store(value.inputs[0]);
  };
  for (const { base } of layers.values()) store(base.inputs[0]);
  for (const value of order) {
    // A mean over pixels reads a feature map; a sum of two layers reads the first while the second is made.
    const mean = value.op.name === sumOp.name || value.op.name === avgPoolOp.name;
    if (mean && value.inputs[0].shape.length > 2) store(value.inputs[0]);
    const made = value.inputs.filter((x) => layers.has(x)).sort((a, b) => a.id - b.id);
    if (value.op.scalar !== undefined && made.length > 1) made.slice(0, -1).forEach(store);
  }
  return stored;
}
