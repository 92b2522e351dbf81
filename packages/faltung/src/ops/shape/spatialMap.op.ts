/**
 * The last axes of a tensor, each mapped by a sparse linear map of its own. The primitive behind average pooling,
 * interpolation and border padding, forward and backward: the adjoint of such a map is one again, with the tables
 * transposed, so the operation is closed under differentiation.
 */
import { ShapeError } from "../../tensor/errors.ts";
import { sizeOf, stridesOf } from "../../tensor/shape.ts";
import { type Gradient, type Operation, type Value, apply, constant, describe } from "../op.ts";
import { type AxisMap, axisTaps, mapOutput } from "./axisMap.ts";
import { requireFloat } from "./check.ts";
import { lowerSpatialMap, spatialMapLayouts, spatialTable } from "./spatialMap.wasm.ts";
import { eachIndex } from "./walk.ts";

export interface SpatialMapAttributes {
  /** One for each of the last axes. */
  readonly maps: readonly AxisMap[];
  /** The adjoint: from the maps' outputs to their inputs. */
  readonly transposed: boolean;
}

/** Inputs: x, and the table of terms that the kernel reads (it follows from the attributes). */
export const spatialMapOp: Operation<SpatialMapAttributes> = {
  name: "spatialMap",
  infer([x], { maps, transposed }) {
    requireFloat("spatialMap", x);
    const first = x.shape.length - maps.length;
    const shape = x.shape.map((size, d) => {
      if (d < first) return size;
      const map = maps[d - first];
      const [from, to] = transposed ? [mapOutput(map), map.input] : [map.input, mapOutput(map)];
      if (size !== from) {
        throw new ShapeError(`spatialMap: axis ${d} of ${describe(x)} has ${size} cells; its map takes ${from}.`);
      }
      return to;
    });
    return { shape, dtype: x.dtype };
  },
  reference([x], { maps, transposed }, out) {
    const first = x.shape.length - maps.length;
    const taps = maps.map((map) => axisTaps(map, transposed));
    const strides = stridesOf(x.shape).slice(first);
    const planes = sizeOf(x.shape.slice(0, first));
    const planeSize = sizeOf(x.shape.slice(first));
    const outPlane = sizeOf(out.shape.slice(first));
    const sum = (index: readonly number[], d: number, offset: number): number => {
      if (d === maps.length) return x.data[offset];
      let total = 0;
      for (const tap of taps[d][index[d]]) total += tap.weight * sum(index, d + 1, offset + tap.index * strides[d]);
      return total;
    };
    for (let p = 0; p < planes; p++) {
      eachIndex(out.shape.slice(first), (index, flat) => {
        out.data[p * outPlane + flat] = sum(index, 0, p * planeSize);
      });
    }
  },
  // y = M x gives dx = Mᵀ dy.
  gradient: { rule: ({ attrs: { maps, transposed }, dy }) => [spatialMap(dy, maps, !transposed), null] },
  wasm: { layouts: spatialMapLayouts, lower: lowerSpatialMap },
};

/** Applies one map to each of the last axes of x. */
export function spatialMap(x: Value, maps: readonly AxisMap[], transposed = false): Value {
  return apply(spatialMapOp, [x, constant(spatialTable(maps, transposed))], { maps, transposed });
}

/** The gradient rule of an operation that stands for a spatialMap of its only input. */
export function linearGradient<A>(mapsOf: (inputs: readonly Value[], attrs: A) => readonly AxisMap[]): Gradient<A> {
  return { rule: ({ inputs, attrs, dy }) => [spatialMap(dy, mapsOf(inputs, attrs), true)] };
}
