/** Integer products are exact: whatever the shape, the zero point and the algorithm, they are the plain loops' sums. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../compile/compile.ts";
import { evaluateValues } from "../../compile/evaluate.ts";
import { Random } from "../../tensor/random.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { attributesOf } from "../conv/attributes.ts";
import { normaliseConv } from "../conv/geometry.ts";
import { type Value, input } from "../op.ts";
import { convInteger } from "./convInteger.op.ts";

interface Problem {
  readonly batch: number;
  readonly channels: number;
  readonly made: number;
  readonly size: readonly [number, number];
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly depthwise: boolean;
  readonly zero: number;
  readonly top: number;
  readonly threads: number;
  readonly seed: number;
}

const problems: fc.Arbitrary<Problem> = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  channels: fc.integer({ min: 1, max: 35 }),
  made: fc.integer({ min: 1, max: 20 }),
  size: fc.tuple(fc.integer({ min: 5, max: 14 }), fc.integer({ min: 5, max: 14 })),
  kernel: fc.constantFrom(1, 3, 3, 3, 5),
  stride: fc.constantFrom(1, 1, 2),
  padding: fc.integer({ min: 0, max: 2 }),
  depthwise: fc.boolean(),
  zero: fc.constantFrom(0, 0, 1, 64, 127),
  top: fc.constantFrom(127, 255),
  threads: fc.constantFrom(1, 2),
  seed: fc.integer(),
});

function bytes(shape: readonly number[], below: number, seed: number): Tensor {
  const random = new Random(seed);
  return new Tensor(
    Uint8Array.from({ length: sizeOf(shape) }, () => Math.floor(random.uniform() * below)),
    shape,
  );
}

/** The sums by WebAssembly and by the plain loops, and the table of what was run. */
async function both(
  x: Tensor,
  w: Tensor,
  make: (x: Value, w: Value) => Value,
  threads: number,
): Promise<{ readonly sums: Tensor; readonly expected: Int32Array; readonly table: string }> {
  const leaves = [input("x", x), input("w", w)];
  const [reference] = evaluateValues(
    [make(leaves[0], leaves[1])],
    new Map([
      [leaves[0], x],
      [leaves[1], w],
    ]),
    "float32",
  );
  const types = { x: { shape: x.shape, dtype: x.dtype }, w: { shape: w.shape, dtype: w.dtype } };
  const run = await compile((v) => ({ y: make(v.x, v.w) }), types, { threads });
  const { y } = run({ x, w });
  const table = run.program.explain("main");
  run.program.close();
  return { sums: y, expected: Int32Array.from(reference.data), table };
}

test("convInteger", async () => {
  await fc.assert(
    fc.asyncProperty(problems, async (p) => {
      const groups = p.depthwise ? p.channels : 1;
      const shape = [p.batch, p.channels, ...p.size];
      const weight = [p.depthwise ? p.channels : p.made, p.channels / groups, p.kernel, p.kernel];
      const geometry = normaliseConv({ stride: p.stride, padding: p.padding, groups }, weight.slice(2), "test");
      const attrs = { ...attributesOf(geometry, shape, weight, "test"), zero: p.zero, top: p.top };
      const x = bytes(shape, p.top + 1, p.seed);
      const w = bytes(weight, 256, p.seed + 1);
      const { sums, expected } = await both(x, w, (a, b) => convInteger(a, b, attrs), p.threads);
      expect(sums.data).toEqual(expected);
    }),
    { numRuns: 60 },
  );
}, 120_000);

test.each([
  ["as many channels as F(4×4) allows without knowing the weights", 229, undefined, "F(4×4)"],
  ["more: F(2×2)", 230, undefined, "F(2×2)"],
  ["more, but the weights are known to be small", 300, 2 ** 25 - 1, "F(4×4)"],
])("the largest sums, %s", async (_name, channels, bound, algorithm) => {
  const [shape, weight] = [
    [1, channels, 8, 8],
    [8, channels, 3, 3],
  ];
  const geometry = normaliseConv({ padding: 1 }, [3, 3], "test");
  // A zero point keeps engines with the relaxed dot product from taking the direct way; all inputs are −127 from it.
  const range = { zero: 127, top: 127, ...(bound === undefined ? {} : { bound }) };
  const attrs = { ...attributesOf(geometry, shape, weight, "test"), ...range };
  const x = Tensor.full(shape, 0, "uint8");
  // −128 everywhere, or +97 where a bound was promised.
  const w = Tensor.full(weight, bound === undefined ? 128 : 97, "uint8");
  const { sums, expected, table } = await both(x, w, (a, b) => convInteger(a, b, attrs), 1);
  expect(table).toContain(algorithm);
  expect(sums.data).toEqual(expected);
});
