/**
 * Scales and shifts behind a convolution or a product by known weights, which can be taken into its weights:
 * x ↦ s·conv(x, w) + t is conv(x, s·w) with bias t. Batch normalisation in evaluation is such a pair.
 */
import { convOp, convTransposeOp } from "../ops/conv/conv2d.op.ts";
import { addOp, mulOp } from "../ops/elementwise/arithmetic.ts";
import { matmulOp } from "../ops/matmul/matmul.op.ts";
import { type State, type Value, isConstant, isInput, isState } from "../ops/op.ts";
import { sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { evaluateValues } from "./evaluate.ts";
import { reachable } from "./graph.ts";

export interface AffineChain {
  /** The convolution or product. */
  readonly base: Value;
  /** It and what is computed between it and the chain's end: values that are not needed any more. */
  readonly inner: readonly Value[];
  /** One number for each channel of the result (dimension 1). */
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/**
 * The longest chains, by the value at their end; a convolution or product with nothing behind it is one too.
 *
 * @param order all values, inputs before users @param outputs what is asked for besides
 * @param known the numbers of a value that depends on no input
 */
export function affineChains(
  order: readonly Value[],
  outputs: readonly Value[],
  known: (value: Value) => Tensor | undefined,
): Map<Value, AffineChain> {
  const users = new Map<Value, number>();
  for (const value of order) for (const x of value.inputs) users.set(x, (users.get(x) ?? 0) + 1);
  for (const value of outputs) users.set(value, (users.get(value) ?? 0) + 1);
  const single = (value: Value): boolean => users.get(value) === 1;

  const follow = (value: Value): AffineChain | undefined => {
    const base = baseOf(value);
    if (base !== undefined) return base;
    const isAdd = value.op.name === addOp.name;
    if (!isAdd && value.op.name !== mulOp.name) return undefined;
    for (const [x, other] of [value.inputs, value.inputs.toReversed()]) {
      const factor = single(x) && known(x) === undefined ? known(other) : undefined;
      if (factor === undefined) continue;
      const chain = follow(x);
      const list = chain === undefined ? undefined : perChannel(chain, value, factor);
      if (chain === undefined || list === undefined) continue;
      return {
        base: chain.base,
        inner: [...chain.inner, x],
        scale: isAdd ? chain.scale : chain.scale.map((s, i) => s * list[i]),
        shift: chain.shift.map((t, i) => (isAdd ? t + list[i] : t * list[i])),
      };
    }
    return undefined;
  };
  /** A convolution or product by known weights, with which a chain begins. */
  const baseOf = (value: Value): AffineChain | undefined => {
    const conv = value.op.name === convOp.name || value.op.name === convTransposeOp.name;
    const gemm = value.op.name === matmulOp.name && value.inputs.every((x) => x.shape.length === 2);
    if ((!conv && !gemm) || known(value.inputs[1]) === undefined || known(value.inputs[0]) !== undefined)
      return undefined;
    const channels = value.shape[1];
    return { base: value, inner: [], scale: new Float64Array(channels).fill(1), shift: new Float64Array(channels) };
  };

  const found = new Map<Value, AffineChain>();
  const taken = new Set<Value>();
  for (const value of order.toReversed()) {
    if (taken.has(value)) continue;
    const chain = follow(value);
    if (chain === undefined) continue;
    for (const x of chain.inner) taken.add(x);
    found.set(value, chain);
  }
  return found;
}

/** One number for each channel of the chain's result, if the tensor is that or a single number. */
function perChannel({ base }: AffineChain, value: Value, { shape, data }: Tensor): readonly number[] | undefined {
  const channels = base.shape[1];
  const rank = base.shape.length;
  if (value.shape.length !== rank) return undefined;
  const aligned = [...Array.from({ length: Math.max(rank - shape.length, 0) }, () => 1), ...shape];
  if (!aligned.every((d, i) => d === 1 || (i === 1 && d === channels))) return undefined;
  return Array.from({ length: channels }, (_, i) => data[sizeOf(shape) === 1 ? 0 : i]);
}

/** The chain's weight with each output channel's part multiplied. */
export function scaledWeight({ base, scale }: AffineChain, { shape, data }: Tensor): Tensor {
  const channelOf = outputChannel(base, shape);
  return new Tensor(
    Float32Array.from(data, (w, i) => w * scale[channelOf(i)]),
    shape,
  );
}

/** Which output channel an element of the weight belongs to. */
function outputChannel(base: Value, shape: readonly number[]): (i: number) => number {
  if (base.op.name === convOp.name) {
    const each = sizeOf(shape.slice(1));
    return (i) => Math.floor(i / each);
  }
  if (base.op.name === matmulOp.name) {
    const { transB } = base.attrs as { readonly transB: boolean };
    return transB ? (i) => Math.floor(i / shape[1]) : (i) => i % shape[1];
  }
  // Transposed: [C, O / groups, …kernel], the channels of C cut into groups.
  const [inputs, perGroup] = shape;
  const each = sizeOf(shape.slice(2));
  const { groups } = base.attrs as { readonly groups: number };
  return (i) => {
    const row = Math.floor(i / (each * perGroup));
    return Math.floor(row / (inputs / groups)) * perGroup + (Math.floor(i / each) % perGroup);
  };
}

/** Numbers of whatever depends on states and constants only. @param read what a state holds */
export function knownNumbers(
  outputs: readonly Value[],
  read: (state: State) => Tensor,
): (value: Value) => Tensor | undefined {
  const order = reachable(outputs);
  const fixed = new Set<Value>();
  for (const value of order) {
    const leaf = isConstant(value) || isState(value);
    if (leaf || (!isInput(value) && value.inputs.length > 0 && value.inputs.every((x) => fixed.has(x))))
      fixed.add(value);
  }
  const states = new Map<Value, Tensor>(order.filter(isState).map((s) => [s, read(s)]));
  const computed = new Map<Value, Tensor>();
  return (value) => {
    if (!fixed.has(value)) return undefined;
    let tensor = computed.get(value);
    if (tensor === undefined) {
      const [{ data, shape }] = evaluateValues([value], states, "float64");
      tensor = new Tensor(data instanceof Float64Array ? Float32Array.from(data) : data, shape);
      computed.set(value, tensor);
    }
    return tensor;
  };
}
