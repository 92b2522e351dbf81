/** Map kernels against the reference loops: every elementwise sample in every layout, random shapes, special values. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { fillTensor } from "../../../test/fill.ts";
import { prepare } from "../../../test/run-lowered.ts";
import { type Numbers, type Operation, type RefTensor, type Target, type Value, input } from "../op.ts";
import { samples } from "../elementwise/elementwise.samples.ts";
import { samples as broadcastSamples } from "../broadcast/broadcast.samples.ts";
import { samples as reduceSamples } from "../reduce/reduce.samples.ts";
import * as f from "../elementwise/elementwise.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { argmax, max, min, sum } from "../reduce/reduce.ts";
import { Tensor, allocate } from "../../tensor/tensor.ts";
import { reachable } from "../../compile/graph.ts";

const target: Target = { fma: false, fast: true, wide: false, threads: 1 };
/** Every operation of a graph by its kernels alone, in each layout that it offers; compared with the reference. */
function check(roots: readonly Value[], inputs: ReadonlyMap<Value, Tensor>, tolerance = 2e-6): void {
  const known = new Map<Value, Tensor>(inputs);
  for (const value of reachable(roots)) {
    if (known.has(value)) continue;
    const op = value.op as Operation;
    if ("tensor" in ((value.attrs as object) ?? {})) {
      known.set(value, (value.attrs as { tensor: Tensor }).tensor);
      continue;
    }
    const args = value.inputs.map((x) => known.get(x) as Tensor);
    const out: RefTensor = { shape: value.shape, dtype: value.dtype, data: allocate(value.dtype, sizeOf(value.shape)) };
    op.reference(args, value.attrs, out);
    const expected = new Tensor(out.data as Float32Array, value.shape);
    known.set(value, expected);
    const { wasm } = op;
    if (wasm === undefined) throw new Error(`${op.name} has no kernel`);
    const plain = { inputs: args.map(() => "plain" as const), output: "plain" as const };
    for (const choice of wasm.layouts?.(args, value, value.attrs) ?? [plain]) {
      const site = {
        inputs: args.map((type, i) => ({ type, layout: choice.inputs[i] })),
        output: { type: value, layout: choice.output },
        attrs: value.attrs,
        target,
      };
      const lowered = wasm.lower(site);
      const given = args.map((tensor, i) => ({ tensor, layout: choice.inputs[i] }));
      const prepared = prepare(lowered, given, [{ type: value, layout: choice.output }]);
      const what = `${op.name} ${choice.inputs.join()}→${choice.output}`;
      prepared.run();
      const [one] = prepared.results();
      close(one.data, expected.data, tolerance, what);
      prepared.run(3);
      const [three] = prepared.results();
      expect(new Uint8Array(three.data.buffer), what).toEqual(new Uint8Array(one.data.buffer));
    }
  }
}

function close(actual: Numbers, expected: Numbers, tolerance: number, what: string): void {
  let scale = 0;
  for (const x of expected) if (Number.isFinite(x)) scale = Math.max(scale, Math.abs(x));
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i];
    const b = expected[i];
    const same = Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * Math.max(Math.abs(b), 0.1 * scale);
    if (!same) throw new Error(`${what}: element ${i} is ${a}, the reference has ${b}`);
  }
}

for (const sample of [...samples, ...broadcastSamples, ...reduceSamples]) {
  test(sample.name, () => {
    const leaves = sample.inputs.map((x, i) => input(`x${i}`, { shape: x.shape, dtype: x.dtype ?? "float32" }));
    const tensors = new Map<Value, Tensor>(leaves.map((leaf, i) => [leaf, fillTensor(sample.inputs[i], i + 1)]));
    check([sample.build(...leaves)], tensors);
  });
}

const special = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, 1e-40, -1e-40, 3e38, -3e38, 2 ** 31, 88.8, -104];

test("special values pass as in the reference", () => {
  const x = input("x", { shape: [special.length], dtype: "float32" });
  const column = input("y", { shape: [special.length, 1], dtype: "float32" });
  const t = Tensor.from(special);
  const tensors = new Map<Value, Tensor>([
    [x, t],
    [column, t.reshape([special.length, 1])],
  ]);
  const unary = [
    f.neg,
    f.abs,
    f.exp,
    f.expm1,
    f.log,
    f.log1p,
    f.sqrt,
    f.sigmoid,
    f.tanh,
    f.erf,
    f.sign,
    f.floor,
    f.ceil,
    f.round,
    f.relu,
    f.relu6,
    f.leakyRelu,
    f.elu,
    (v: Value) => f.cast(v, "int32"),
    f.logicalNot,
  ];
  const binary = [
    f.add,
    f.sub,
    f.mul,
    f.div,
    f.pow,
    f.maximum,
    f.minimum,
    f.eq,
    f.ne,
    f.lt,
    f.le,
    f.gt,
    f.ge,
    f.logicalAnd,
  ];
  check([...unary.map((g) => g(x)), ...binary.map((g) => g(x, column))], tensors);
});

const dim = fc.integer({ min: 0, max: 6 });
const shapes = fc.oneof(
  fc.array(dim, { minLength: 1, maxLength: 5 }),
  fc.tuple(fc.constantFrom(1, 2, 3), fc.constantFrom(8, 16, 5), dim, fc.integer({ min: 1, max: 40 })),
  fc.tuple(fc.constantFrom(1, 3), fc.constantFrom(9000, 8193)),
);
const dtypes = fc.constantFrom("float32" as const, "int32" as const, "uint8" as const);

test("random shapes, broadcasts and dtypes", () => {
  fc.assert(
    fc.property(
      shapes,
      fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }),
      dtypes,
      dtypes,
      fc.nat(3),
      (shape, ones, da, db, cut) => {
        const narrow = (s: Shape, from: number): number[] => s.map((d, i) => (ones[from + i] ? 1 : d));
        const a = narrow(shape, 0);
        const b = narrow(shape, 5).slice(Math.min(cut, shape.length));
        const inputs = [
          { shape: a, dtype: da, fill: { kind: "integers", below: 256 } as const },
          { shape: b, dtype: db, fill: { kind: "integers", below: 256 } as const },
        ];
        const leaves = inputs.map((x, i) => input(`x${i}`, x));
        const tensors = new Map<Value, Tensor>(leaves.map((leaf, i) => [leaf, fillTensor(inputs[i], i)]));
        check(
          [f.sub(leaves[0], leaves[1]), f.lt(leaves[0], leaves[1]), f.where(leaves[0], leaves[1], leaves[0])],
          tensors,
        );
      },
    ),
    { numRuns: 30, seed: 1 },
  );
});

test("random reductions", () => {
  const some = fc.array(fc.boolean(), { minLength: 5, maxLength: 5 });
  fc.assert(
    fc.property(shapes, some, dtypes, (shape, reduced, dtype) => {
      const spec = { shape, dtype, fill: { kind: "integers", below: 256 } as const };
      const axes = shape.flatMap((_, i) => (reduced[i] ? [i] : []));
      const x = input("x", spec);
      const roots = [sum(x, axes)];
      if (axes.length > 0 && sizeOf(shape) > 0) roots.push(max(x, axes), min(x, axes, true), argmax(x, axes[0]));
      // Sums of whole numbers below 2^24 are exact, in any order.
      check(roots, new Map([[x, fillTensor(spec, 5)]]), 0);
    }),
    { numRuns: 30, seed: 2 },
  );
});

test.each([
  [[35, 1027], 0], // more columns than a strip holds, and a last vector that is cut
  [[2051, 6], 0], // a prime number of rows
  [[1536, 70], 0], // cut into partial results
  [[3, 33, 259], 1],
])("reductions of columns %j along %i, block after block", (shape, axis) => {
  for (const dtype of ["float32", "int32", "uint8"] as const) {
    const spec = { shape, dtype, fill: { kind: "integers", below: 256 } as const };
    const x = input("x", spec);
    check([sum(x, axis), max(x, axis), min(x, axis)], new Map([[x, fillTensor(spec, 7)]]), 0);
  }
  // NaN in the first, a middle and the last block, and beside infinities of both signs.
  const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) =>
    i % 257 === 0 ? Number.NaN : i % 31 === 0 ? Infinity : i % 29 === 0 ? -Infinity : Math.sin(i),
  );
  const x = input("x", { shape, dtype: "float32" });
  const tensor = new Map([[x, new Tensor(values, shape)]]);
  check([max(x, axis), min(x, axis), max(x, shape.length - 1), min(x)], tensor, 0);
});

test("sums of a million numbers keep six digits, from one end to the other", () => {
  const n = 1_000_000;
  const tenth = Float32Array.from({ length: n }, () => 0.1);
  const ramp = Float32Array.from({ length: n }, (_, i) => (i % 1000) / 999 + 1e-3 * Math.sin(i));
  for (const data of [tenth, ramp]) {
    let exact = 0;
    for (const v of data) exact += v;
    for (const [shape, axes] of [
      [[n], [0]],
      [[n, 1], [0]],
      [
        [1000, 1000],
        [0, 1],
      ],
      [[n / 4, 4], [0]],
      [
        [100, 8, 50, 25],
        [0, 2, 3],
      ],
    ] as const) {
      const x = input("x", { shape, dtype: "float32" });
      const y = sum(x, axes);
      const tensor = new Tensor(data, shape);
      for (const layout of y.op.wasm?.layouts?.([x], y, y.attrs) ?? []) {
        const lowered = y.op.wasm?.lower({
          inputs: [{ type: x, layout: layout.inputs[0] }],
          output: { type: y, layout: layout.output },
          attrs: y.attrs,
          target,
        });
        if (lowered === undefined) throw new Error("sum has no kernel");
        const prepared = prepare(lowered, [{ tensor, layout: layout.inputs[0] }], [{ type: y }]);
        prepared.run();
        let total = 0;
        for (const v of prepared.results()[0].data) total += v;
        expect(Math.abs(total / exact - 1), `${shape.join("×")} ${layout.inputs[0]}`).toBeLessThan(1e-6);
      }
    }
  }
});
