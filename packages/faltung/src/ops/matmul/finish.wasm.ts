/**
 * The last stage of products that are not done in one: adds up the parts of a split sum in order, and does the
 * epilogue where the tiles could not. No part at all is an empty sum: zero.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { type FunctionBuilder, type I32, type V128, f32x4, i32, v128 } from "../../wasm/index.ts";
import { type Epilogue, type Store, epilogueKey, storeOf } from "./epilogue.wasm.ts";
import { loadLanes, storeLanes } from "./lanes.wasm.ts";

export interface FinishShape {
  readonly shape: Shape;
  readonly parts: number;
  readonly epilogue?: Epilogue;
}

/** Work items: rows. */
export function finishItems({ shape }: FinishShape): number {
  return sizeOf(shape.slice(0, -1));
}

/** Pointers: the parts, one after the other (perhaps the result itself, if one), result, the epilogue's operands. */
export function finishKernel(work: FinishShape): Kernel {
  const { shape, parts, epilogue } = work;
  const columns = shape[shape.length - 1];
  const operands = epilogue?.operands.length ?? 0;
  return defineKernel(
    { key: `finish ${shape.join("×")} ${parts} ${epilogueKey(epilogue)}`, pointers: 2 + operands, name: "finish" },
    (f, lo, hi, _scratch, from, to, ...operandPointers) => {
      const store = storeOf(f, epilogue, false, to, operandPointers);
      const row = f.local("i32", "row");
      const column = f.local("i32", "column");
      const vectors = columns - (columns % 4);
      // Dimension 1 is the columns of a matrix; of a batch of matrices it is the same for all of a row.
      const sameChannel = shape.length > 2;
      f.for(row, lo, hi, 1, () => {
        const start = f.let(i32.mul(row, 4 * columns), "start");
        const channel = i32.remU(i32.divU(row, sizeOf(shape.slice(2, -1))), shape[1]);
        if (sameChannel) store.channel(channel);
        const four = (count: number): void => {
          if (!sameChannel) store.channel(column);
          store.group();
          const at = f.let(i32.add(start, i32.mul(column, 4)), "at");
          emitFour(f, work, store, i32.add(from, at), f.let(i32.add(to, at), "place"), count, sameChannel);
        };
        f.for(column, 0, vectors, 4, () => four(4));
        if (columns > vectors) {
          f.set(column, vectors);
          four(columns - vectors);
        }
      });
    },
  );
}

function emitFour(
  f: FunctionBuilder,
  { shape, parts }: FinishShape,
  store: Store,
  from: I32,
  to: I32,
  count: number,
  sameChannel: boolean,
): void {
  const source = f.let(from, "from");
  let sum: V128 = parts === 0 ? f32x4.const(0) : loadLanes(source, count, 0);
  for (let p = 1; p < parts; p++) sum = f32x4.add(sum, loadLanes(source, count, 4 * sizeOf(shape) * p));
  const value = store.finish(f.let(sum, "sum"), to, 0, 0, sameChannel);
  if (count === 4) f.do(v128.store(to, value));
  else storeLanes(f, to, f.let(value, "value"), count, 0);
}
