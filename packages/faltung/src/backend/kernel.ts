/** How a kernel is written: what it takes, and a body that gets all of it. */
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import type { Kernel } from "./plan.ts";

/** A kernel but for its body. */
export interface KernelSpec extends Pick<Kernel, "key" | "pointers"> {
  /** The function's, in the module. */
  readonly name: string;
  /** 0 unless said. */
  readonly integers?: number;
}

/** @param emit gets the kernel's parameters in the order of {@link Kernel}: lo, hi, scratch, pointers, integers. */
export function defineKernel(
  { key, name, pointers, integers = 0 }: KernelSpec,
  emit: (
    f: FunctionBuilder,
    lo: Local<"i32">,
    hi: Local<"i32">,
    scratch: Local<"i32">,
    ...rest: readonly Local<"i32">[]
  ) => void,
): Kernel {
  const params = Array.from({ length: 3 + pointers + integers }, () => "i32" as const);
  return {
    key,
    pointers,
    integers,
    build: (module) =>
      module.func({ name, params, results: [] }, (f, ...[lo, hi, scratch, ...rest]) =>
        emit(f, lo, hi, scratch, ...rest),
      ),
  };
}
