/** What this engine's WebAssembly has, found by asking it to validate tiny modules, never by its version. */
import type { Expr } from "./expr.ts";
import { ModuleBuilder } from "./module.ts";
import { f32x4, i32, i32x4, i8x16 } from "./ops.ts";

export interface WasmFeatures {
  readonly simd: boolean;
  readonly relaxedSimd: boolean;
  /**
   * `i32x4.relaxedDotI8x16I7x16AddS` is there and computes what it should, tried out: Node 20 has it behind a flag only, and
   * there its baseline compiler gets it wrong.
   */
  readonly relaxedDot: boolean;
  /** Shared memory and atomics. (A web page has them only when it is cross-origin isolated.) */
  readonly threads: boolean;
}

let found: WasmFeatures | undefined;

/** The engine's features; looked up once. */
export function wasmFeatures(): WasmFeatures {
  if (found !== undefined) return found;
  const relaxedSimd = accepts(() => i32x4.allTrue(f32x4.relaxedMadd(f32x4.splat(1), f32x4.splat(2), f32x4.splat(3))));
  return (found = {
    simd: accepts(() => i32x4.allTrue(i8x16.splat(1))),
    relaxedSimd,
    relaxedDot: relaxedSimd && dotsRight(),
    threads: typeof SharedArrayBuffer === "function" && accepts(() => i32.atomicRmwAdd(0, 1)),
  });
}

/** Sums of the largest products and of mixed signs, with a third operand that is no variable. */
function dotsRight(): boolean {
  const m = new ModuleBuilder();
  m.func({ params: ["i32", "i32", "i32"], results: ["i32"], exportAs: "dot" }, (f, a, b, c) => {
    const sum = f.let(i32x4.relaxedDotI8x16I7x16AddS(i8x16.splat(a), i8x16.splat(b), i32x4.splat(c)));
    f.set(sum, i32x4.relaxedDotI8x16I7x16AddS(i8x16.splat(a), i8x16.splat(b), i32x4.add(sum, i32x4.splat(c))));
    f.return(i32x4.extractLane(sum, 3));
  });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()));
  const dot = exports["dot"] as (a: number, b: number, c: number) => number;
  return [-127, -1, 0, 5, 127].every((a) => [0, 1, 100, 127].every((b) => dot(a, b, 1000) === 8 * a * b + 2000));
}

function accepts(expression: () => Expr<"i32">): boolean {
  const m = new ModuleBuilder();
  const { op } = expression();
  m.memory({ initial: 1, maximum: 1, shared: op.name.includes("atomic") });
  m.func({ params: [], results: ["i32"] }, (f) => f.return(expression()));
  return WebAssembly.validate(m.toBytes());
}
