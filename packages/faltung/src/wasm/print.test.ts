import { expect, test } from "vitest";
import { call, f32, f32x4, i32, i64, i8x16, ModuleBuilder, printFunc, v128 } from "./index.ts";

test("a kernel reads as code", () => {
  const m = new ModuleBuilder();
  m.memory({ initial: 1 });
  const axpy = m.func(
    { name: "axpy", params: ["i32", "i32", "f32", "i32"], results: [], paramNames: ["x", "y", "a", "n"] },
    (f, x, y, a, n) => {
      const end = f.let(i32.add(x, i32.shl(n, 2)), "end");
      const scale = f.let(f32x4.splat(a), "scale");
      f.while(i32.ltU(x, end), () => {
        for (const offset of [0, 16]) {
          f.do(v128.store(y, f32x4.add(v128.load(y, offset), f32x4.mul(scale, v128.load(x, offset))), offset));
        }
        f.set(x, i32.add(x, 32));
        f.set(y, i32.add(y, 32));
      });
    },
  );
  expect(printFunc(m, axpy)).toMatchInlineSnapshot(`
    "func axpy(x: i32, y: i32, a: f32, n: i32) {
      local end: i32, scale: v128
      end = i32.add(x, i32.shl(n, 2))
      scale = f32x4.splat(a)
      if i32.lt_u(x, end) {
        loop @2 {
          v128.store(y, f32x4.add(v128.load(y), f32x4.mul(scale, v128.load(x))))
          v128.store(y, f32x4.add(v128.load(y, +16), f32x4.mul(scale, v128.load(x, +16))), +16)
          x = i32.add(x, 32)
          y = i32.add(y, 32)
          br_if @2, i32.lt_u(x, end)
        }
      }
    }
    "
  `);
});

test("control, calls, constants and immediates", () => {
  const m = new ModuleBuilder();
  m.memory({ initial: 1 });
  const log = m.func({ name: "log", params: ["i32"], results: [] }, () => {});
  const count = m.global("i32", 0);
  const twice = m.func({ name: "twice", params: ["i32"], results: ["i32"] }, (f, x) => f.return(i32.mul(x, 2)));
  const all = m.func({ name: "all", params: ["i32"], results: ["f32"], paramNames: ["n"] }, (f, n) => {
    const [i, v, w] = [f.local("i32", "i"), f.let(f32x4.const(0.1), "v"), f.let(f32x4.const(1, 2, 3, -0.5), "v")];
    f.block((done) => {
      f.for(i, 0, 8, 1, () => {
        f.brIf(done, i32.eq(i, n));
        f.if(
          i32.and(i, 1),
          () => f.call(log, call(twice, i)),
          () => f.call(twice, i),
        );
      });
    });
    f.switch(n, [() => f.return(f32.const(1e-7)), () => f.do(count.set(i32.sub(count.get(), 1)))]);
    f.do(
      v128.store32Lane(n, v128.load32Lane(n, v, 1, 4), 3, 20),
      i64.store(n, i64.const(-1n)),
      i8x16.shuffle(v, w, [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23]),
    );
    f.set(w, i8x16.const(1));
    f.set(i, f.tee(n, -1));
    f.return(f32x4.extractLane(f32x4.replaceLane(w, 2, -0), 3));
  });
  expect(WebAssembly.validate(m.toBytes())).toBe(true);
  expect(printFunc(m, all)).toMatchInlineSnapshot(`
    "func all(n: i32) -> f32 {
      local i: i32, v: v128, v.3: v128
      v = f32x4.const(0.1)
      v.3 = f32x4.const(1, 2, 3, -0.5)
      block @1 {
        i = 0
        loop @2 {
          br_if @1, i32.eq(i, n)
          if i32.and(i, 1) {
            log(twice(i))
          } else {
            drop twice(i)
          }
          i = i32.add(i, 1)
          br_if @2, i32.lt_s(i, 8)
        }
      }
      block @1 {
        block @2 {
          block @3 {
            block @4 {
              br_table [@4, @3, @2], n
            }
            return 1e-7
            br @1
          }
          global0 = i32.sub(global0, 1)
          br @1
        }
      }
      v128.store32_lane(n, v128.load32_lane(n, v, 1, +4), 3, +20)
      i64.store(n, -1)
      drop i8x16.shuffle(v, v.3, [0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23])
      v.3 = i32x4.const(16843009)
      i = (n = -1)
      return f32x4.extract_lane(f32x4.replace_lane(v.3, 2, -0), 3)
    }
    "
  `);
});
