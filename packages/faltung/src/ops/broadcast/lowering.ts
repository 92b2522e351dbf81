/** Reductions as WebAssembly, channel-blocked where the pixels are reduced. */
import type { TensorType } from "../../tensor/shape.ts";
import { stridesOf } from "../../tensor/shape.ts";
import { lowerReduce, reducesBlocked } from "../map/reduce.wasm.ts";
import type { ReductionKind } from "../map/reduction.ts";
import type { LayoutChoice, WasmLowering } from "../op.ts";
import type { ReduceAttributes } from "./axes.ts";

const plain: LayoutChoice = { inputs: ["plain"], output: "plain" };
const blocked: LayoutChoice = { inputs: ["blocked"], output: "plain" };

export function reduceLowering(kind: ReductionKind): WasmLowering<ReduceAttributes> {
  return {
    layouts([x]: readonly TensorType[], _, { axes }) {
      if (!reducesBlocked(x.shape, axes)) return [plain];
      return x.shape[1] % 8 === 0 ? [blocked, plain] : [plain, blocked];
    },
    lower({ inputs: [{ type, layout }], output, attrs: { axes }, target }) {
      return lowerReduce({
        label: kind,
        expression: { inputs: [type.dtype], steps: [], outputs: [0] },
        kinds: [kind],
        stored: [output.type.dtype],
        shape: type.shape,
        axes,
        layout,
        operands: [{ dtype: type.dtype, layout, steps: stridesOf(type.shape) }],
        target,
      });
    },
  };
}
