/** The exported functions of a standalone module: see abi.ts for what they mean. */
import { type Func, type ModuleBuilder, i32 } from "../../wasm/index.ts";
import { sizeOf } from "../../tensor/shape.ts";
import type { Signature } from "./abi.ts";

/** A job of a plan; it takes the number of the thread, here always 0. */
export type JobFunc = Func<readonly ["i32"], readonly []>;

export interface EntryFuncs {
  readonly unpack: Func<readonly [], readonly []> | undefined;
  readonly prepare: readonly JobFunc[];
  readonly normalise: readonly JobFunc[];
  readonly main: JobFunc;
}

export function emitEntries(module: ModuleBuilder, signature: Signature, funcs: EntryFuncs): void {
  const { inputs, outputs, pixels, batch } = signature;
  const number = (exportAs: string, value: number): void =>
    void module.func({ params: [], results: ["i32"], exportAs }, (f) => f.return(i32.const(value)));
  number("faltung_abi", signature.abi);
  number("batch", batch);
  number("input_ptr", inputs[0].ptr);
  number("input_len", sizeOf(inputs[0].shape));
  number("output_ptr", outputs[0].ptr);
  number("output_len", sizeOf(outputs[0].shape));
  if (pixels !== undefined) {
    number("pixels_ptr", pixels.ptr);
    number("pixels_len", sizeOf(pixels.shape));
  }

  const ready = module.global("i32", 0);
  const prepare = module.func({ params: [], results: [], exportAs: "prepare" }, (f) => {
    f.if(i32.eqz(ready.get()), () => {
      if (funcs.unpack !== undefined) f.call(funcs.unpack);
      for (const job of funcs.prepare) f.call(job, 0);
      f.do(ready.set(1));
    });
  });
  const entry = (exportAs: string, jobs: readonly JobFunc[]): void =>
    void module.func({ params: [], results: [], exportAs }, (f) => {
      f.call(prepare);
      for (const job of jobs) f.call(job, 0);
    });
  entry("run", [funcs.main]);
  if (pixels !== undefined) entry("run_pixels", [...funcs.normalise, funcs.main]);
}
