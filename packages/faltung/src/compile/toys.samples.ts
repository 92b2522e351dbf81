/** Small operations with kernels of their own, to test planning by itself. Test-only. */
import type { Kernel, Stage } from "../backend/plan.ts";
import { type BufferRef, type Lowered, type Operation, type Value, apply } from "../ops/op.ts";
import { BYTES, sizeOf } from "../tensor/shape.ts";
import { type F32, type FunctionBuilder, type I32, type Local, f32, i32 } from "../wasm/index.ts";
import { type Task, taskOf } from "./task.ts";

type Body = (f: FunctionBuilder, i: I32, pointers: readonly Local<"i32">[], n: I32) => void;

/** A kernel that runs `body` for each i from lo to hi; its one integer is the number of elements. */
export function loopKernel(key: string, pointers: number, body: Body): Kernel {
  const params = Array.from({ length: 4 + pointers }, () => "i32" as const);
  return {
    key,
    pointers,
    integers: 1,
    build: (module) =>
      module.func({ name: key, params, results: [] }, (f, ...p) => {
        const i = f.local("i32", "i");
        f.for(i, p[0], p[1], 1, () => body(f, i, p.slice(3, 3 + pointers), p[3 + pointers]));
      }),
  };
}

export function at(pointer: I32, index: I32): F32 {
  return f32.load(i32.add(pointer, i32.shl(index, 2)));
}

export function put(f: FunctionBuilder, pointer: I32, index: I32, value: F32): void {
  f.do(f32.store(i32.add(pointer, i32.shl(index, 2)), value));
}

const inputRef = (index: number): BufferRef => ({ kind: "input", index });
const output: BufferRef = { kind: "output", index: 0 };

/** `busy`: as much work as makes the scheduler divide it. */
function stageOf(kernel: Kernel, pointers: readonly BufferRef[], n: number, busy = true): Stage<BufferRef> {
  const flops = busy ? 1e7 : n;
  return {
    label: kernel.key,
    kernel,
    work: n,
    pointers,
    writes: [pointers.length - 1],
    integers: [n],
    scratch: 0,
    flops,
    bytes: 8 * n,
  };
}

interface Toy {
  readonly name: string;
  readonly arity: number;
  readonly evaluate: (args: readonly ArrayLike<number>[], i: number, n: number) => number;
  readonly lower: (n: number) => Lowered;
}

function toy({ name, arity, evaluate, lower }: Toy): Operation<null> {
  return {
    name,
    infer: (inputs) => ({ shape: inputs[0].shape, dtype: "float32" }),
    reference(inputs, _attrs, out) {
      for (let i = 0; i < out.data.length; i++)
        out.data[i] = evaluate(
          inputs.map((x) => x.data),
          i,
          out.data.length,
        );
    },
    gradient: { none: "a toy" },
    wasm: {
      lower: ({ output: { type }, inputs }) =>
        inputs.length === arity ? lower(sizeOf(type.shape)) : { stages: [], temps: [] },
    },
  };
}

const halve = loopKernel("halve", 2, (f, i, [x, y]) => put(f, y, i, f32.mul(at(x, i), 0.5)));
const sum = loopKernel("sum", 3, (f, i, [a, b, y]) => put(f, y, i, f32.add(at(a, i), at(b, i))));
const reverse = loopKernel("reverse", 2, (f, i, [x, y], n) => put(f, y, i, at(x, i32.sub(i32.sub(n, 1), i))));

export const halveOp: Operation<null> = toy({
  name: "halve",
  arity: 1,
  evaluate: ([x], i) => x[i] * 0.5,
  lower: (n) => ({ stages: [stageOf(halve, [inputRef(0), output], n)], temps: [] }),
});

export const sumOp: Operation<null> = toy({
  name: "sum2",
  arity: 2,
  evaluate: ([a, b], i) => a[i] + b[i],
  lower: (n) => ({ stages: [stageOf(sum, [inputRef(0), inputRef(1), output], n, false)], temps: [] }),
});

/** Element i of the result needs element n − 1 − i of the operand: it must not lie where the operand does. */
export const reverseOp: Operation<null> = toy({
  name: "reverse",
  arity: 1,
  evaluate: ([x], i, n) => x[n - 1 - i],
  lower: (n) => ({ stages: [stageOf(reverse, [inputRef(0), output], n)], temps: [] }),
});

/** x + reversed(w)/2, by way of two temporaries that hold what is made of w alone: a weight being packed. */
export const packedOp: Operation<null> = toy({
  name: "packed",
  arity: 2,
  evaluate: ([x, w], i, n) => x[i] + w[n - 1 - i] * 0.5,
  lower: (n) => {
    const temp = (index: number): BufferRef => ({ kind: "temp", index });
    return {
      stages: [
        stageOf(reverse, [inputRef(1), temp(0)], n),
        stageOf(halve, [temp(0), temp(1)], n, false),
        stageOf(sum, [inputRef(0), temp(1), output], n),
      ],
      temps: [4 * n, 4 * n],
    };
  },
});

/** Half of x, in blocked memory only: the lanes beyond C are halved too, and mean nothing. */
export const blockedHalveOp: Operation<null> = {
  ...halveOp,
  name: "blockedHalve",
  wasm: {
    layouts: () => [{ inputs: ["blocked"], output: "blocked" }],
    lower: ({ output: { type } }) => {
      const [n, c, ...rest] = type.shape;
      const count = n * Math.ceil(c / 8) * 8 * sizeOf(rest);
      return { stages: [stageOf(halve, [inputRef(0), output], count)], temps: [] };
    },
  },
};

export const half = (x: Value): Value => apply(halveOp, [x], null);
export const plus = (a: Value, b: Value): Value => apply(sumOp, [a, b], null);
export const reversed = (x: Value): Value => apply(reverseOp, [x], null);
export const packed = (x: Value, w: Value): Value => apply(packedOp, [x, w], null);
export const blockedHalf = (x: Value): Value => apply(blockedHalveOp, [x], null);

/** A task that may work in place, as fusion makes them for elementwise operations. */
export function toyTask(value: Value): Task {
  const task = taskOf(value);
  const elementwise = value.op.name === "halve" || value.op.name === "sum2" || value.op.name === "blockedHalve";
  return { ...task, inPlace: elementwise ? value.inputs.map((_, i) => [0, i] as const) : [] };
}

export const BYTES_PER_NUMBER: number = BYTES.float32;
