/** The WebAssembly assembler: modules built at run time, with SIMD, relaxed SIMD and threads. */
export { AssemblyError, type Expr, type F32, type I32, type I64, type Instr, type Operand, type V128 } from "./expr.ts";
export { type WasmFeatures, wasmFeatures } from "./features.ts";
export { call, type Func, FunctionBuilder, type Label, type Local } from "./function.ts";
export { type FuncOptions, type Global, type MemoryLimits, ModuleBuilder } from "./module.ts";
export { f32, f32x4, f64x2, i16x8, i32, i32x4, i64, i64x2, i8x16, memory, v128 } from "./ops.ts";
export { withCustom } from "./custom.ts";
export { printFunc } from "./print.ts";
export type { ResultType, ValType } from "./types.ts";
