/**
 * Max pooling of bytes: larger bytes stand for larger numbers, so a quantised tensor is pooled as it is. A cell's eight
 * channels are eight bytes of a vector.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { ShapeError } from "../../tensor/errors.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { type FunctionBuilder, type I32, type Local, i32, i8x16, v128 } from "../../wasm/index.ts";
import { type Axis, type Axes, axesKey, interior, resultsOf, sourceCells, unitAxis } from "../conv/axis.ts";
import { emitTapLoop, emitTapRange } from "../conv/axis.wasm.ts";
import { type Lowered, type Operation, type Site, type Value, apply, describe } from "../op.ts";
import { type PoolWindow, eachTap, fieldLayers, pooledSize } from "../pool/window.ts";
import { eachIndex } from "../shape/walk.ts";

/** (x [N, C, …] uint8) → the largest byte of each window. */
export const maxPoolBytesOp: Operation<PoolWindow> = {
  name: "maxPoolBytes",
  infer([x], w) {
    if (x.dtype !== "uint8" || x.shape.length !== w.kernel.length + 2) {
      throw new ShapeError(
        `maxPoolBytes: x is ${describe(x)}; it must be uint8 [N, C, …] with ${w.kernel.length} more.`,
      );
    }
    return { shape: [...x.shape.slice(0, 2), ...pooledSize(x.shape.slice(2), w, "maxPoolBytes")], dtype: "uint8" };
  },
  reference([x], w, out) {
    const [spatial, made] = [x.shape.slice(2), out.shape.slice(2)];
    for (let plane = 0; plane < x.shape[0] * x.shape[1]; plane++) {
      eachIndex(made, (index, place) => {
        let most = 0;
        eachTap(w, spatial, index, (_tap, cell) => (most = Math.max(most, x.data[plane * sizeOf(spatial) + cell])));
        out.data[plane * sizeOf(made) + place] = most;
      });
    }
  },
  gradient: { none: "a byte is a whole number" },
  window: fieldLayers,
  wasm: { layouts: () => [{ inputs: ["blocked"], output: "blocked" }], lower },
};

export function maxPoolBytes(x: Value, window: PoolWindow): Value {
  return apply(maxPoolBytesOp, [x], window);
}

function lower({ inputs: [x], output, attrs }: Site<PoolWindow>): Lowered {
  const spatial = x.type.shape.slice(2);
  const axis = (d: number): readonly [Axis] => {
    if (d < 0) return [unitAxis];
    const [source, result] = [spatial[d], output.type.shape[d + 2]];
    return [
      {
        ...unitAxis,
        source,
        result,
        count: result,
        step: attrs.stride[d],
        taps: attrs.kernel[d],
        shift: -attrs.padding[d][0],
        shiftHop: attrs.dilation[d],
      },
    ];
  };
  const rank = spatial.length;
  const axes: Axes = [axis(rank - 3), axis(rank - 2), axis(rank - 1)];
  const [[z], [y]] = axes;
  const planes = x.type.shape[0] * Math.ceil(x.type.shape[1] / 8);
  const empty = sizeOf(output.type.shape) === 0;
  return {
    temps: [],
    stages: [
      {
        label: `maxPool bytes ${attrs.kernel.join("×")}/${attrs.stride.join("×")} ${x.type.shape.join("×")}`,
        kernel: kernel(axes),
        work: empty ? 0 : planes * z.count * y.count,
        pointers: [
          { kind: "input", index: 0 },
          { kind: "output", index: 0 },
        ],
        writes: [1],
        integers: [],
        scratch: 0,
        flops: 0,
        bytes: 8 * planes * (sourceCells(axes) + resultsOf(axes)),
      },
    ],
  };
}

/** Pointers: x, result, both blocked. Work items: rows of the result. */
function kernel(axes: Axes): Kernel {
  const [[z], [y], [x]] = axes;
  return defineKernel(
    { key: `maxPoolBytes ${axesKey(axes)}`, pointers: 2, name: "maxPoolBytes" },
    (f, lo, hi, _scratch, source, result) => {
      const item = f.local("i32", "item");
      f.for(item, lo, hi, 1, () => {
        const iy = f.let(i32.remU(item, y.count), "y");
        const iz = f.let(i32.remU(i32.divU(item, y.count), z.count), "z");
        const plane = i32.divU(item, y.count * z.count);
        const zTaps = emitTapRange(f, z, iz, y.source * x.source * 8, 0);
        const yTaps = emitTapRange(f, y, iy, x.source * 8, 0);
        const at = i32.add(i32.mul(plane, 8 * sourceCells(axes)), i32.add(zTaps.source, yTaps.source));
        const from = f.let(i32.add(source, at), "from");
        const to = f.let(i32.add(result, i32.mul(item, 8 * x.count)), "to");
        const rows = (first: I32, body: (row: I32) => void): void =>
          emitTapLoop(f, zTaps, first, i32.const(0), (zFrom) =>
            emitTapLoop(f, yTaps, zFrom, i32.const(0), (row) => body(row)),
          );
        emitRow(f, x, from, to, rows);
      });
    },
  );
}

function emitRow(
  f: FunctionBuilder,
  x: Axis,
  from: Local<"i32">,
  to: Local<"i32">,
  rows: (first: I32, body: (row: I32) => void) => void,
): void {
  const ix = f.local("i32", "x");
  const most = f.local("v128", "most");
  const [first, end] = interior(x);
  const take = (row: I32, offset: number): void => f.set(most, i8x16.maxU(most, v128.load64Zero(row, offset)));
  const store = (): void => f.do(v128.store64Lane(i32.add(to, i32.mul(ix, 8)), most, 0));
  const edge = (low: number, high: number): void =>
    f.for(ix, low, high, 1, () => {
      const taps = emitTapRange(f, x, ix, 8, 0);
      f.set(most, i8x16.const(0));
      rows(f.let(i32.add(from, taps.source), "cell"), (row) =>
        emitTapLoop(f, taps, row, i32.const(0), (cell) => take(cell, 0)),
      );
      store();
    });
  if (x.taps > 16) return edge(0, x.count);
  edge(0, first);
  f.for(ix, first, end, 1, () => {
    f.set(most, i8x16.const(0));
    rows(f.let(i32.add(from, i32.mul(i32.add(i32.mul(ix, x.step), x.shift), 8)), "cell"), (row) => {
      for (let j = 0; j < x.taps; j++) take(row, 8 * j * x.shiftHop);
    });
    store();
  });
  edge(end, x.count);
}
