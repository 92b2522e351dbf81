/**
 * V8's revectorisation: an experimental pass of its optimising compiler that joins neighbouring 128-bit operations into
 * 256-bit ones. A flag of the process switches it on, in Node only, for all modules compiled afterwards and on all
 * threads. V8 before version 13 does not know it or makes nothing of it; so does a processor without AVX2. Whether it
 * works here is found by trying it.
 */
import { type FunctionBuilder, ModuleBuilder, f32x4, v128 } from "../../wasm/index.ts";
import { nodeModule } from "./host.ts";

interface NodeV8 {
  setFlagsFromString(flag: string): void;
}

interface NodeProcess {
  readonly versions: { readonly v8?: string };
  readonly env: Readonly<Record<string, string | undefined>>;
}

const FLAG = "experimental-wasm-revectorize";
/** The first V8 whose pass is worth having: Node 24's is 13.6. */
const FIRST_VERSION = 13;
/** How much faster the loop below must become: twice as fast is what may be hoped for. */
const GAIN = 1.3;

/** True where the environment asks for it: `FALTUNG_WIDE=1`. */
export function wideByEnvironment(): boolean {
  return nodeModule<NodeProcess>("node:process")?.env["FALTUNG_WIDE"] === "1";
}

/** Switches the pass on. @returns why it can't be, or does not help; undefined where it works */
export function switchWideOn(): string | undefined {
  const v8 = nodeModule<NodeV8>("node:v8");
  const version = nodeModule<NodeProcess>("node:process")?.versions.v8;
  if (v8 === undefined || version === undefined) return "only Node has it";
  if (!(Number.parseInt(version, 10) >= FIRST_VERSION)) return "it needs Node 24 or newer";
  return optimised(() => {
    const narrow = addingLoop(0);
    v8.setFlagsFromString(`--${FLAG}`);
    const wide = addingLoop(1);
    let [slow, quick] = [Infinity, Infinity];
    for (let i = 0; i < 30; i++) {
      slow = Math.min(slow, timeOf(narrow));
      quick = Math.min(quick, timeOf(wide));
    }
    if (slow > GAIN * quick) return undefined;
    switchWideOff();
    return "this processor gains nothing";
  });
}

export function switchWideOff(): void {
  nodeModule<NodeV8>("node:v8")?.setFlagsFromString(`--no-${FLAG}`);
}

/** Runs `body` while V8 compiles WebAssembly by its optimising compiler at once, which alone has the pass. */
export function optimised<T>(body: () => T): T {
  const v8 = nodeModule<NodeV8>("node:v8");
  v8?.setFlagsFromString("--no-liftoff");
  const restore = (): void => v8?.setFlagsFromString("--liftoff");
  try {
    const result = body();
    if (!(result instanceof Promise)) restore();
    else void result.then(restore, restore);
    return result;
  } catch (error) {
    restore();
    throw error;
  }
}

/** Sums in registers, nothing else. @param variant makes it a module of its own: V8 knows a module that it has seen */
function addingLoop(variant: number): (turns: number) => void {
  const chains = 12;
  const m = new ModuleBuilder();
  m.memory({ initial: 1 });
  m.func({ params: ["i32"], results: [], exportAs: "run" }, (f: FunctionBuilder, n) => {
    const sums = Array.from({ length: chains }, (_, i) => f.let(f32x4.const(variant + i)));
    const a = f.let(f32x4.const(0.999));
    f.countdown(n, () => {
      for (const sum of sums) f.set(sum, f32x4.add(sum, a));
    });
    sums.forEach((sum, i) => f.do(v128.store(0, sum, 16 * i)));
  });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()));
  const run = exports["run"] as (turns: number) => void;
  run(1);
  return run;
}

function timeOf(run: (turns: number) => void): number {
  const start = performance.now();
  run(3000);
  return performance.now() - start;
}
