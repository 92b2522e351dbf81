/** Elementwise operations as WebAssembly: one map over the result's shape, plain or channel-blocked. */
import type { DType, Shape, TensorType } from "../../tensor/shape.ts";
import type { Layout, LayoutChoice, WasmLowering } from "../op.ts";
import type { MapExpression, ScalarFunction } from "./expression.ts";
import { lowerMap } from "./map.wasm.ts";
import { blockedAccess } from "./nest.ts";

/** Each operand's steps along the result's dimensions. */
export type StepsOf<A> = (
  inputs: readonly TensorType[],
  output: TensorType,
  attrs: A,
) => readonly (readonly number[])[];

/** The layouts that a map over `shape` can work in, best first. */
export function mapLayouts(
  shape: Shape,
  own: readonly Shape[],
  steps: readonly (readonly number[])[],
): readonly LayoutChoice[] {
  const plain: LayoutChoice = { inputs: steps.map(() => "plain"), output: "plain" };
  const blocked = steps.map((s, i) => blockedAccess(shape, own[i], s));
  if (shape.length < 3 || shape.length > 5 || !blocked.every((x): x is Layout => x !== null)) return [plain];
  const choice: LayoutChoice = { inputs: blocked, output: "blocked" };
  // Lanes beyond the last channel are wasted work.
  return shape[1] % 8 === 0 ? [choice, plain] : [plain, choice];
}

/** The expression of one function of its operands; without a function, of one operand copied. */
export function expressionOf(
  fn: ScalarFunction | null,
  inputs: readonly DType[],
  output: DType,
  attrs: unknown,
): MapExpression {
  if (fn === null) return { inputs, steps: [], outputs: [0] };
  return { inputs, steps: [{ fn, attrs, args: inputs.map((_, i) => i), dtype: output }], outputs: [inputs.length] };
}

export function mapLowering<A>(fn: ScalarFunction | null, stepsOf: StepsOf<A>): WasmLowering<A> {
  return {
    layouts: (inputs, output, attrs) =>
      mapLayouts(
        output.shape,
        inputs.map((x) => x.shape),
        stepsOf(inputs, output, attrs),
      ),
    lower({ inputs, output, attrs, target }) {
      const types = inputs.map((x) => x.type);
      const steps = stepsOf(types, output.type, attrs);
      return lowerMap({
        label: fn?.name ?? "broadcast",
        expression: expressionOf(
          fn,
          types.map((x) => x.dtype),
          output.type.dtype,
          attrs,
        ),
        shape: output.type.shape,
        layout: output.layout,
        operands: inputs.map(({ type, layout }, i) => ({ dtype: type.dtype, layout, steps: steps[i] })),
        target,
      });
    },
  };
}
