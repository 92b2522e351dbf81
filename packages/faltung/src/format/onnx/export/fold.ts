/**
 * Values that are written together: a sum and its division are a mean; scales and shifts behind a convolution or a
 * product are its weights and bias (see compile/affine.ts).
 */
import { type AffineChain, affineChains, scaledWeight } from "../../../compile/affine.ts";
import { matmulOp } from "../../../ops/matmul/matmul.op.ts";
import type { Value } from "../../../ops/op.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import type { Emitter } from "./emitter.ts";
import { convNode, gemmNode, isMean, meanNode } from "./rules.ts";

export interface Absorption {
  /** Values that need no node of their own. */
  readonly inner: readonly Value[];
  emit(): string;
}

/** For each value at the end of such a group, how it is written. */
export function absorptions(order: readonly Value[], outputs: readonly Value[], e: Emitter): Map<Value, Absorption> {
  const chains = [...affineChains(order, outputs, e.known)].filter(([, { inner }]) => inner.length > 0);
  const folds = new Map<Value, Absorption>(
    chains.map(([end, chain]) => [end, { inner: chain.inner, emit: () => emitChain(e, chain) }]),
  );
  for (const value of order) {
    if (!isMean(value) || e.known(value) !== undefined) continue;
    // A sum that something else reads as well is written besides.
    const [total] = value.inputs;
    const shared = outputs.includes(total) || order.some((user) => user !== value && user.inputs.includes(total));
    folds.set(value, { inner: shared ? [] : [total], emit: () => meanNode(e, value) });
  }
  return folds;
}

export function absorbed(folds: ReadonlyMap<Value, Absorption>): Set<Value> {
  return new Set([...folds.values()].flatMap(({ inner }) => inner));
}

function emitChain(e: Emitter, chain: AffineChain): string {
  const { base, scale, shift } = chain;
  const [x, w] = base.inputs;
  const weight = e.known(w);
  if (weight === undefined) return e.fail(base, "its weight is not known");
  const label = e.nameOf(w) ?? "weight";
  const plain = scale.every((s) => s === 1);
  const name = plain ? e.tensor(w) : e.constant(scaledWeight(chain, weight), label);
  const bias = e.constant(new Tensor(Float32Array.from(shift), [shift.length]), biasName(label));
  const inputs = [e.tensor(x), name, bias];
  return base.op.name === matmulOp.name ? gemmNode(e, base, inputs) : convNode(e, base, inputs);
}

/** `conv1.weight` → `conv1.bias` */
function biasName(label: string): string {
  return /(^|\.)weight$/.test(label) ? label.replace(/weight$/, "bias") : `${label}.bias`;
}
