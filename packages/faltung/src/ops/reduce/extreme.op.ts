/** The largest and the smallest element along axes. */
import { ShapeError } from "../../tensor/errors.ts";
import { type TensorType, sizeOf } from "../../tensor/shape.ts";
import { type ReduceAttributes, kept, reductionWalk } from "../broadcast/axes.ts";
import { broadcastOp, sumOp } from "../broadcast/broadcast.op.ts";
import { reduceLowering } from "../broadcast/lowering.ts";
import { cast, div, eq, mul } from "../elementwise/elementwise.ts";
import { type Operation, apply, describe } from "../op.ts";

/** Throws if a reduction has no neutral element to give for nothing. */
export function requireElements(x: TensorType, axes: readonly number[], what: string): void {
  if (sizeOf(axes.map((axis) => x.shape[axis])) === 0 && sizeOf(kept(x.shape, axes)) > 0) {
    throw new ShapeError(
      `${what}: ${describe(x)} has no elements along axes [${axes.join(", ")}]; nothing has no ${what}.`,
    );
  }
}

function extremeOp(name: "max" | "min", better: (a: number, b: number) => boolean): Operation<ReduceAttributes> {
  return {
    name,
    infer([x], { axes, shape }) {
      requireElements(x, axes, name);
      return { shape, dtype: x.dtype };
    },
    reference([x], { axes }, out) {
      reductionWalk(x.shape, axes, (outer, inner) => {
        let best = Number.NaN;
        let first = true;
        for (const offset of inner) {
          const value = x.data[offset];
          if (first || Number.isNaN(value) || better(value, best)) best = value;
          first = false;
          if (Number.isNaN(best)) break;
        }
        out.data[outer] = best;
      });
    },
    // dy goes to the elements that equal the result, in equal parts (torch.amax; torch.max along one axis picks the first).
    gradient: {
      rule({ inputs: [x], attrs: { axes, shape }, output, dy }) {
        const spread = { axes, shape: x.shape };
        const chosen = cast(eq(x, apply(broadcastOp, [output], spread)), "float32");
        const count = apply(sumOp, [chosen], { axes, shape });
        return [mul(chosen, apply(broadcastOp, [div(dy, count)], spread))];
      },
    },
    wasm: reduceLowering(name),
  };
}

export const maxOp: Operation<ReduceAttributes> = extremeOp("max", (a, b) => a > b);
export const minOp: Operation<ReduceAttributes> = extremeOp("min", (a, b) => a < b);
