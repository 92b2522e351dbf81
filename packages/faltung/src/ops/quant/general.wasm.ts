/** Any convolution of bytes, number by number: for groups and kernels that no other algorithm takes. All plain. */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import type { DType } from "../../tensor/shape.ts";
import { BYTES } from "../../tensor/shape.ts";
import { type FunctionBuilder, type I32, type Local, i16x8, i32, i32x4, i8x16, v128 } from "../../wasm/index.ts";
import { type Axes, axesKey, resultsOf, sourceCells, tapsOf } from "../conv/axis.ts";
import { emitTapLoop, emitTapRange } from "../conv/axis.wasm.ts";
import { type Epilogue, epilogueKey, storeOf } from "../matmul/epilogue.wasm.ts";
import { loadCentred } from "./pack.wasm.ts";

export interface GeneralIntegerShape {
  readonly groups: number;
  readonly made: number;
  readonly summed: number;
  readonly axes: Axes;
  readonly zero: number;
  readonly stored: DType;
  readonly epilogue?: Epilogue;
}

/** Pointers: x, weight, result, the epilogue's operands. Work items: planes of the result. */
export function generalIntegerKernel(shape: GeneralIntegerShape): Kernel {
  const { groups, made, summed, axes, zero, stored, epilogue } = shape;
  const operands = epilogue?.operands.length ?? 0;
  return defineKernel(
    {
      key: `generalInteger ${[groups, made, summed, zero, stored].join(" ")} ${axesKey(axes)} ${epilogueKey(epilogue)}`,
      pointers: 3 + operands,
      name: "generalInteger",
    },
    (f, lo, hi, _scratch, ...rest) => {
      const [source, weight, result, ...pointers] = rest;
      const store = storeOf(f, epilogue, false, result, pointers, stored);
      const item = f.local("i32", "item");
      f.for(item, lo, hi, 1, () => {
        const channel = f.let(i32.remU(item, groups * made), "channel");
        const image = i32.divU(item, groups * made);
        const plane = i32.mul(i32.add(i32.mul(image, groups), i32.divU(channel, made)), summed * sourceCells(axes));
        const from = f.let(i32.add(source, plane), "from");
        const taps = axes.reduce((n, list) => n * tapsOf(list), 1);
        const weights = f.let(i32.add(weight, i32.mul(channel, summed * taps)), "weights");
        const to = f.let(i32.add(result, i32.mul(item, BYTES[stored] * resultsOf(axes))), "to");
        store.channel(channel);
        emitPlane(f, shape, from, weights, (sum) => {
          store.group();
          const y = f.let(store.finish(i32x4.splat(sum), to, 0, 0, true));
          if (stored === "uint8") {
            const words = i16x8.narrowI32x4U(y, y);
            f.do(v128.store8Lane(to, i8x16.narrowI16x8U(words, words), 0));
          } else f.do(v128.store32Lane(to, y, 0));
          f.advance(to, BYTES[stored]);
        });
      });
    },
  );
}

function emitPlane(
  f: FunctionBuilder,
  { summed, axes, zero }: GeneralIntegerShape,
  from: Local<"i32">,
  weights: Local<"i32">,
  store: (sum: Local<"i32">) => void,
): void {
  const [[z], [y], [x]] = axes;
  const [iz, iy, ix, c] = ["z", "y", "x", "c"].map((name) => f.local("i32", name));
  const sum = f.local("i32", "sum");
  const cells = sourceCells(axes);
  const taps = z.taps * y.taps * x.taps;
  f.for(iz, 0, z.count, 1, () => {
    const zTaps = emitTapRange(f, z, iz, y.source * x.source, y.taps * x.taps);
    f.for(iy, 0, y.count, 1, () => {
      const yTaps = emitTapRange(f, y, iy, x.source, x.taps);
      f.for(ix, 0, x.count, 1, () => {
        const xTaps = emitTapRange(f, x, ix, 1, 1);
        const add3 = (a: I32, b: I32, d: I32, e: I32): I32 => i32.add(i32.add(a, b), i32.add(d, e));
        const at = f.let(add3(from, zTaps.source, yTaps.source, xTaps.source), "at");
        const w = f.let(add3(weights, zTaps.weight, yTaps.weight, xTaps.weight), "w");
        f.set(sum, 0);
        f.for(c, 0, summed, 1, () => {
          emitTapLoop(f, zTaps, at, w, (zAt, zWeight) => {
            emitTapLoop(f, yTaps, zAt, zWeight, (yAt, yWeight) => {
              emitTapLoop(f, xTaps, yAt, yWeight, (source, weight) => {
                f.advance(sum, i32.mul(loadCentred(source, zero), i32.load8S(weight)));
              });
            });
          });
          f.advance(at, cells);
          f.advance(w, taps);
        });
        store(sum);
      });
    });
  });
}
