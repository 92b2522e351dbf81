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

/** Where among `offsets` the best element is: the first of equal ones, or the first NaN. */
export function placeOfBest(
  data: ArrayLike<number>,
  offsets: readonly number[],
  better: (a: number, b: number) => boolean,
): number {
  let place = 0;
  for (let i = 0; i < offsets.length; i++) {
    const value = data[offsets[i]];
    if (Number.isNaN(value)) return i;
    if (better(value, data[offsets[place]])) place = i;
  }
  return place;
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
        out.data[outer] = x.data[inner[placeOfBest(x.data, inner, better)]];
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
