/** Pictures made larger or smaller, by the nearest cell or linearly between cells. */
import { OptionError, ShapeError } from "../../tensor/errors.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { type Operation, type Value, type ValueLike, apply, describe, toValue } from "../op.ts";
import type { AxisMap } from "./axisMap.ts";
import { requireFloat, requireRank } from "./check.ts";
import { linearGradient, spatialMap } from "./spatialMap.op.ts";
import { eachIndex } from "./walk.ts";

export type InterpolateMode = "nearest" | "nearest-exact" | "linear" | "bilinear" | "trilinear";

export interface InterpolateAttributes {
  readonly size: readonly number[];
  /** Input cells per output cell, for each spatial axis. */
  readonly scale: readonly number[];
  readonly mode: "nearest" | "nearest-exact" | "linear";
  readonly alignCorners: boolean;
}

function mapsOf({ shape }: Value, { size, scale, mode, alignCorners }: InterpolateAttributes): AxisMap[] {
  return size.map((output, d): AxisMap => {
    const cells = { input: shape[d + 2], output, scale: scale[d] };
    return mode === "linear"
      ? { kind: "linear", ...cells, alignCorners }
      : { kind: "nearest", ...cells, center: mode === "nearest-exact" };
  });
}

export const interpolateOp: Operation<InterpolateAttributes> = {
  name: "interpolate",
  infer([x], { size }) {
    requireFloat("interpolate", x);
    return { shape: [...x.shape.slice(0, 2), ...size], dtype: x.dtype };
  },
  reference([x], { size, scale, mode, alignCorners }, out) {
    const spatial = x.shape.slice(2);
    const cells = sizeOf(spatial);
    const planes = x.shape[0] * x.shape[1];
    // Where output cell o lies in the input, in cells.
    const position = (o: number, d: number): number => {
      if (mode === "nearest") return Math.fround(Math.fround(o) * Math.fround(scale[d]));
      if (mode === "nearest-exact") return Math.fround(Math.fround(o + 0.5) * Math.fround(scale[d]));
      return alignCorners ? o * scale[d] : Math.max((o + 0.5) * scale[d] - 0.5, 0);
    };
    // The value at a position: along each axis between its two neighbours.
    const value = (index: readonly number[], d: number, offset: number): number => {
      if (d === size.length) return x.data[offset];
      const at = position(index[d], d);
      const low = Math.min(Math.floor(at), spatial[d] - 1);
      const lower = value(index, d + 1, offset * spatial[d] + low);
      if (mode !== "linear") return lower;
      const part = Math.min(at - low, 1);
      return (1 - part) * lower + part * value(index, d + 1, offset * spatial[d] + Math.min(low + 1, spatial[d] - 1));
    };
    const plane = sizeOf(size);
    for (let p = 0; p < planes && cells > 0; p++) {
      eachIndex(size, (index, flat) => {
        out.data[p * plane + flat] = value(index, 0, p);
      });
    }
  },
  decompose: ([x], attrs) => spatialMap(x, mapsOf(x, attrs)),
  // Each output cell gives its gradient back to the cells it was made of, in the same proportions.
  gradient: linearGradient(([x], attrs) => mapsOf(x, attrs)),
};

export interface InterpolateOptions {
  /** Spatial size of the result: a number for every axis, or one for each. Give this or scaleFactor. */
  readonly size?: number | readonly number[];
  /** How many times larger. The size is rounded down. */
  readonly scaleFactor?: number | readonly number[];
  /** "nearest" unless said; linear for one spatial axis, bilinear for two, trilinear for three. */
  readonly mode?: InterpolateMode;
  /** Linear modes: true puts the outermost cells' middles on each other; false (the default) aligns the outer edges. */
  readonly alignCorners?: boolean;
}

const LINEAR: Readonly<Record<string, number>> = { linear: 1, bilinear: 2, trilinear: 3 };

/**
 * Resizes the spatial axes of [N, C, …].
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html (without antialiasing)
 *
 * @throws OptionError unless exactly one of size and scaleFactor is given, for an unknown mode or a bad number;
 * ShapeError if the mode does not fit the number of axes, or x is empty.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 3, 8, 8], dtype: "float32" });
 * interpolate(x, { scaleFactor: 2, mode: "bilinear" }).shape; // [1, 3, 16, 16]
 * ```
 */
export function interpolate(x: ValueLike, options: InterpolateOptions): Value {
  const { size, scaleFactor, mode = "nearest", alignCorners = false } = options;
  const value = toValue(x);
  requireRank("interpolate", value, 3, 5, "N, C, spatial axes");
  const spatial = value.shape.slice(2);
  const rank = spatial.length;
  if (mode !== "nearest" && mode !== "nearest-exact") {
    if (LINEAR[mode] === undefined) {
      throw new OptionError(
        `interpolate: mode is ${JSON.stringify(mode)}; give nearest, nearest-exact, linear, bilinear or trilinear.`,
      );
    }
    if (LINEAR[mode] !== rank) {
      const right = Object.keys(LINEAR)[rank - 1];
      throw new ShapeError(
        `interpolate: mode ${mode} is for ${LINEAR[mode]} spatial axes; ${describe(value)} has ${rank}. Use ${right}.`,
      );
    }
  } else if (alignCorners) {
    throw new OptionError(`interpolate: alignCorners has a meaning for the linear modes only; mode is ${mode}.`);
  }
  if ((size === undefined) === (scaleFactor === undefined)) {
    throw new OptionError(`interpolate: give either size or scaleFactor${size === undefined ? "" : ", not both"}.`);
  }
  const list = (v: number | readonly number[]): readonly number[] => (typeof v === "number" ? spatial.map(() => v) : v);
  const factors = scaleFactor === undefined ? undefined : list(scaleFactor);
  const target = factors === undefined ? list(size ?? []) : factors.map((f, d) => Math.floor(spatial[d] * f));
  if (target.length !== rank || !target.every((n) => Number.isSafeInteger(n) && n >= 1)) {
    throw new OptionError(
      `interpolate: ${factors === undefined ? "size" : "scaleFactor"} ${JSON.stringify(size ?? scaleFactor)} gives the size ` +
        `[${target.join(", ")}] for ${describe(value)}; ${rank} whole numbers ≥ 1 are needed.`,
    );
  }
  if (spatial.includes(0)) throw new ShapeError(`interpolate: ${describe(value)} has no cells to take values from.`);
  const scale = target.map((out, d) => {
    if (alignCorners) return out > 1 ? (spatial[d] - 1) / (out - 1) : 0;
    return factors === undefined ? spatial[d] / out : 1 / factors[d];
  });
  const kind = mode === "nearest" || mode === "nearest-exact" ? mode : "linear";
  return apply(interpolateOp, [value], { size: target, scale, mode: kind, alignCorners });
}
