/** The gradient by weight on plain layouts, for any groups: one weight at a time, along rows four places at a time. */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { type FunctionBuilder, type I32, type Local, f32, f32x4, i32, v128 } from "../../wasm/index.ts";
import { type Axes, type Axis, axesKey, kernelTaps } from "./axis.ts";
import { emitPlaceRange } from "./axis.wasm.ts";

export interface GeneralWeightGradShape {
  readonly groups: number;
  /** Channels per group, of y and of x. */
  readonly outChannels: number;
  readonly channels: number;
  /** The forward direction's. */
  readonly axes: Axes;
}

/** Pointers: x, y, weight gradient, all plain. Integer: images. Work items: pairs of an output and an input channel. */
export function generalWeightGradKernel(shape: GeneralWeightGradShape): Kernel {
  const { groups, outChannels, channels, axes } = shape;
  const [[z], [y], [x]] = axes;
  return defineKernel(
    {
      key: `generalWeightGrad ${groups} ${outChannels} ${channels} ${axesKey(axes)}`,
      pointers: 3,
      integers: 1,
      name: "generalWeightGrad",
    },
    (f, lo, hi, _scratch, source, gradient, weight, images) => {
      const item = f.local("i32", "item");
      const [tz, ty, tx] = ["tz", "ty", "tx"].map((name) => f.local("i32", name));
      const [iz, iy, n] = ["z", "y", "image"].map((name) => f.local("i32", name));
      const total = f.local("f32", "total");
      const sums = f.local("v128", "sums");
      const sum = f.local("f32", "sum");
      f.for(item, lo, hi, 1, () => {
        const outChannel = f.let(i32.divU(item, channels), "outChannel");
        const group = i32.divU(outChannel, outChannels);
        const channel = f.let(i32.add(i32.mul(group, channels), i32.remU(item, channels)), "channel");
        const to = f.let(i32.add(weight, i32.mul(item, 4 * kernelTaps(axes))), "to");
        f.for(tz, 0, z.taps, 1, () => {
          const [zFrom, zTo] = emitPlaceRange(f, z, tz);
          f.for(ty, 0, y.taps, 1, () => {
            const [yFrom, yTo] = emitPlaceRange(f, y, ty);
            f.for(tx, 0, x.taps, 1, () => {
              const [xFrom, xTo] = emitPlaceRange(f, x, tx);
              const length = f.let(i32.sub(xTo, xFrom), "length");
              f.set(total, 0);
              f.for(n, 0, images, 1, () => {
                const planeX = f.let(i32.add(i32.mul(n, groups * channels), channel), "planeX");
                const planeY = f.let(i32.add(i32.mul(n, groups * outChannels), outChannel), "planeY");
                f.set(sums, f32x4.const(0));
                f.set(sum, 0);
                f.for(iz, zFrom, zTo, 1, () => {
                  f.for(iy, yFrom, yTo, 1, () => {
                    const rowX = rowOf(planeX, [z, y, x], "source", cell(z, iz, tz), cell(y, iy, ty));
                    const rowY = rowOf(planeY, [z, y, x], "result", iz, iy);
                    const px = f.let(i32.add(source, i32.mul(i32.add(rowX, cell(x, xFrom, tx)), 4)), "px");
                    const py = f.let(i32.add(gradient, i32.mul(i32.add(rowY, xFrom), 4)), "py");
                    emitDot(f, x, px, py, length, sums, sum);
                  });
                });
                for (let lane = 0; lane < 4; lane++) f.set(sum, f32.add(sum, f32x4.extractLane(sums, lane)));
                f.set(total, f32.add(total, sum));
              });
              f.do(f32.store(to, total));
              f.advance(to, 4);
            });
          });
        });
      });
    },
  );
}

function cell(axis: Axis, place: I32, tap: I32): I32 {
  return i32.add(i32.mul(place, axis.step), i32.add(i32.mul(tap, axis.shiftHop), axis.shift));
}

/** Index of the first cell of a row, counted from the tensor's start. */
function rowOf(plane: I32, [z, y, x]: readonly [Axis, Axis, Axis], side: "source" | "result", iz: I32, iy: I32): I32 {
  const depth = i32.add(i32.mul(plane, z[side]), iz);
  return i32.mul(i32.add(i32.mul(depth, y[side]), iy), x[side]);
}

/** Adds Σ x·y over a row to `sums` (four places at a time, where neighbours lie side by side) and to `sum`. */
function emitDot(
  f: FunctionBuilder,
  x: Axis,
  px: Local<"i32">,
  py: Local<"i32">,
  length: I32,
  sums: Local<"v128">,
  sum: Local<"f32">,
): void {
  const n = f.let(length, "n");
  if (x.step === 1) {
    f.while(i32.geS(n, 4), () => {
      f.set(sums, f32x4.add(sums, f32x4.mul(v128.load(px), v128.load(py))));
      f.advance(px, 16);
      f.advance(py, 16);
      f.set(n, i32.sub(n, 4));
    });
  }
  f.while(i32.gtS(n, 0), () => {
    f.set(sum, f32.add(sum, f32.mul(f32.load(px), f32.load(py))));
    f.advance(px, 4 * x.step);
    f.advance(py, 4);
    f.set(n, i32.sub(n, 1));
  });
}
