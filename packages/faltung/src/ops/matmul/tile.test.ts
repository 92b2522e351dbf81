import { expect, test } from "vitest";
import { ModuleBuilder, i32, v128 } from "../../wasm/index.ts";
import { printFunc } from "../../wasm/print.ts";
import { tilePool } from "./tile.wasm.ts";

/** A tile of two rows by four columns over two steps; the second row's first number is padding. */
function example(fma: boolean): string {
  const m = new ModuleBuilder();
  m.memory({ initial: 1 });
  const func = m.func({ name: "tile", params: ["i32", "i32", "i32"], results: [] }, (f, a, b, c) => {
    const tile = tilePool(f, { fma, wide: false }).tile(2, 1, fma);
    tile.zero();
    f.block((exit) => {
      const row = (offset: number): { pointer: typeof a; offset: number } => ({ pointer: a, offset });
      const steps = [
        { rows: [row(0), null], columns: { pointer: b, offset: 0 } },
        { rows: [row(4), row(36)], columns: { pointer: b, offset: 16 } },
      ];
      f.doWhile(
        () => {
          tile.run(steps, { exit, pointer: b });
          f.advance(b, 32);
        },
        i32.ltU(b, 1024),
      );
    });
    tile.accumulators.forEach(([sum], r) => f.do(v128.store(c, sum, 16 * r)));
  });
  return printFunc(m, func);
}

test("a tile is loads, multiplications and additions, with a branch between steps that is never taken", () => {
  expect(example(false)).toMatchInlineSnapshot(`
    "func tile(p0: i32, p1: i32, p2: i32) {
      local a: v128, acc0: v128, acc1: v128, b0: v128
      acc0 = f32x4.const(0)
      acc1 = f32x4.const(0)
      block @1 {
        loop @2 {
          b0 = v128.load(p1)
          a = v128.load32_splat(p0)
          acc0 = f32x4.add(acc0, f32x4.mul(a, b0))
          br_if @1, i32.eq(p1, 1)
          b0 = v128.load(p1, +16)
          a = v128.load32_splat(p0, +4)
          acc0 = f32x4.add(acc0, f32x4.mul(a, b0))
          a = v128.load32_splat(p0, +36)
          acc1 = f32x4.add(acc1, f32x4.mul(a, b0))
          p1 = i32.add(p1, 32)
          br_if @2, i32.lt_u(p1, 1024)
        }
      }
      v128.store(p2, acc0)
      v128.store(p2, acc1, +16)
    }
    "
  `);
});

test("with fused multiply-add, one instruction a sum", () => {
  const text = example(true);
  expect(text.match(/relaxed_madd/g)).toHaveLength(3);
  expect(text).not.toContain("f32x4.mul");
});
