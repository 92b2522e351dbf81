/** Where the largest and the smallest element are: int32, counted row-major along the reduced axes. */
import { type ReduceAttributes, reductionWalk } from "../broadcast/axes.ts";
import type { Operation } from "../op.ts";
import { argLowering } from "./arg.wasm.ts";
import { placeOfBest, requireElements } from "./extreme.op.ts";

function argOp(name: "argmax" | "argmin", better: (a: number, b: number) => boolean): Operation<ReduceAttributes> {
  return {
    name,
    infer([x], { axes, shape }) {
      requireElements(x, axes, name);
      return { shape, dtype: "int32" };
    },
    reference([x], { axes }, out) {
      reductionWalk(x.shape, axes, (outer, inner) => {
        out.data[outer] = placeOfBest(x.data, inner, better);
      });
    },
    gradient: { none: "it is an index" },
    wasm: argLowering(name),
  };
}

export const argmaxOp: Operation<ReduceAttributes> = argOp("argmax", (a, b) => a > b);
export const argminOp: Operation<ReduceAttributes> = argOp("argmin", (a, b) => a < b);
