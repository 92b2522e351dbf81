/** Where the largest and the smallest element are: int32, counted row-major along the reduced axes. */
import { type ReduceAttributes, reductionWalk } from "../broadcast/axes.ts";
import type { Operation } from "../op.ts";
import { argLowering } from "./arg.wasm.ts";
import { requireElements } from "./extreme.op.ts";

function argOp(name: "argmax" | "argmin", better: (a: number, b: number) => boolean): Operation<ReduceAttributes> {
  return {
    name,
    infer([x], { axes, shape }) {
      requireElements(x, axes, name);
      return { shape, dtype: "int32" };
    },
    reference([x], { axes }, out) {
      reductionWalk(x.shape, axes, (outer, inner) => {
        let best = Number.NaN;
        let place = 0;
        let i = 0;
        for (const offset of inner) {
          const value = x.data[offset];
          if (i === 0 || Number.isNaN(value) || better(value, best)) {
            best = value;
            place = i;
          }
          if (Number.isNaN(best)) break;
          i++;
        }
        out.data[outer] = place;
      });
    },
    gradient: { none: "it is an index" },
    wasm: argLowering(name),
  };
}

export const argmaxOp: Operation<ReduceAttributes> = argOp("argmax", (a, b) => a > b);
export const argminOp: Operation<ReduceAttributes> = argOp("argmin", (a, b) => a < b);
