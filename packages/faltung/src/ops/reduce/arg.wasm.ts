/** argmax and argmin: one result at a time, in plain scalar code. They serve metrics, on a few numbers per image. */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel, Stage } from "../../backend/plan.ts";
import { BYTES, type DType, sizeOf } from "../../tensor/shape.ts";
import { type I32, type Local, f32, i32 } from "../../wasm/index.ts";
import type { ReduceAttributes } from "../broadcast/axes.ts";
import type { BufferRef, WasmLowering } from "../op.ts";

export function argLowering(name: "argmax" | "argmin"): WasmLowering<ReduceAttributes> {
  return {
    lower({ inputs: [{ type }], output, attrs: { axes } }) {
      const results = sizeOf(output.type.shape);
      if (results === 0) return { stages: [], temps: [] };
      // Seen as [outer, reduced, inner]; axes are one, or all.
      const inside = type.shape.map((_, i) => axes.includes(i));
      const inner = sizeOf(type.shape.slice(inside.lastIndexOf(true) + 1));
      const terms = sizeOf(axes.map((axis) => type.shape[axis]));
      const stage: Stage<BufferRef> = {
        label: name,
        kernel: argKernel(name, type.dtype),
        work: results,
        pointers: [
          { kind: "input", index: 0 },
          { kind: "output", index: 0 },
        ],
        writes: [1],
        integers: [terms, inner],
        scratch: 0,
        flops: results * terms,
        bytes: results * (terms * BYTES[type.dtype] + 4),
      };
      return { stages: [stage], temps: [] };
    },
  };
}

function argKernel(name: string, dtype: DType): Kernel {
  return defineKernel(
    { key: `${name} ${dtype}`, name, pointers: 2, integers: 2 },
    (f, lo, hi, _, x, out, terms, inner) => {
      const item = f.local("i32", "item");
      const at = f.local("i32", "at");
      const k = f.local("i32", "k");
      const place = f.local("i32", "place");
      const stride = f.let(i32.mul(inner, BYTES[dtype]), "stride");
      const scan = (better: () => I32, take: () => void): void => {
        f.for(item, lo, hi, 1, () => {
          const start = i32.add(i32.mul(i32.mul(i32.divU(item, inner), inner), terms), i32.remU(item, inner));
          f.set(at, i32.add(x, i32.mul(start, BYTES[dtype])));
          f.set(place, 0);
          f.set(k, 0);
          f.doWhile(
            () => {
              f.if(i32.or(i32.eqz(k), better()), () => {
                take();
                f.set(place, k);
              });
              f.advance(at, stride);
              f.advance(k, 1);
            },
            i32.ltS(k, terms),
          );
          f.do(i32.store(i32.add(out, i32.shl(item, 2)), place));
        });
      };
      if (dtype === "float32") {
        const best: Local<"f32"> = f.local("f32", "best");
        const value = f32.load(at);
        // A NaN beats all but a NaN before it.
        const wins = name === "argmax" ? f32.le(value, best) : f32.ge(value, best);
        scan(
          () => i32.and(i32.eqz(wins), f32.eq(best, best)),
          () => f.set(best, value),
        );
      } else {
        const best = f.local("i32", "best");
        const value = dtype === "uint8" ? i32.load8U(at) : i32.load(at);
        scan(
          () => (name === "argmax" ? i32.gtS(value, best) : i32.ltS(value, best)),
          () => f.set(best, value),
        );
      }
    },
  );
}
