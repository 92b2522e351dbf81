/** One operation's kernels against its reference loops, in every layout that they offer, whole and in parts. */
import { expect } from "vitest";
import { type RefTensor, type Site, type Value, isConstant } from "../src/ops/op.ts";
import { sizeOf } from "../src/tensor/shape.ts";
import { Tensor, allocate } from "../src/tensor/tensor.ts";
import { expectClose } from "./close.ts";
import { prepare } from "./run-lowered.ts";

const target = { fma: false, fast: false, wide: false, threads: 1 };

/** The reference's result of one value from tensors for its inputs (constants know their own). */
export function referenceOf(value: Value, tensors: readonly Tensor[]): Tensor {
  const out: RefTensor = { shape: value.shape, dtype: value.dtype, data: allocate(value.dtype, sizeOf(value.shape)) };
  value.op.reference(operands(value, tensors), value.attrs, out);
  return new Tensor(out.data as Tensor["data"], out.shape);
}

function operands(value: Value, tensors: readonly Tensor[]): Tensor[] {
  let next = 0;
  return value.inputs.map((x) => (isConstant(x) ? x.attrs.tensor : tensors[next++]));
}

/**
 * @param value a primitive operation on leaves.
 * @param tensors for the inputs that are no constants, in order.
 * @param tolerance 0: the same bits.
 * @returns how many layouts were tried.
 */
export function expectKernels(value: Value, tensors: readonly Tensor[], tolerance = 0): number {
  const { op, attrs, inputs } = value;
  if (op.wasm === undefined) throw new Error(`${op.name} has no kernels`);
  const expected = referenceOf(value, tensors);
  const given = operands(value, tensors);
  const plain = { inputs: inputs.map(() => "plain" as const), output: "plain" as const };
  const choices = op.wasm.layouts?.(inputs, value, attrs) ?? [plain];
  for (const choice of choices) {
    const site: Site<unknown> = {
      inputs: inputs.map((type, i) => ({ type, layout: choice.inputs[i] })),
      output: { type: value, layout: choice.output },
      attrs,
      target,
    };
    const prepared = prepare(
      op.wasm.lower(site),
      given.map((tensor, i) => ({ tensor, layout: choice.inputs[i] })),
      [{ type: value, layout: choice.output }],
    );
    prepared.run(3);
    const [parts] = prepared.results();
    expectClose(parts, expected, tolerance, `${op.name}, ${choice.output}`);
    prepared.run();
    expect(prepared.results()[0].data, `${op.name}, ${choice.output}, in one piece`).toEqual(parts.data);
  }
  return choices.length;
}
