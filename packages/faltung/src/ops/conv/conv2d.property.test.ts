import fc from "fast-check";
import { expect, test } from "vitest";
import { wasmFeatures } from "../../wasm/index.ts";
import type { Target } from "../op.ts";
import { type Direction, type Problem, prepare, relativeError } from "./testing.ts";

interface Dimension {
  readonly input: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padding: number;
}

/** Any dimension in which at least one window fits. */
const dimension = (most: number): fc.Arbitrary<Dimension> =>
  fc
    .record({
      input: fc.integer({ min: 1, max: most }),
      kernel: fc.integer({ min: 1, max: 4 }),
      stride: fc.constantFrom(1, 1, 1, 2, 3),
      dilation: fc.constantFrom(1, 1, 1, 2),
      padding: fc.integer({ min: 0, max: 3 }),
    })
    .filter(({ input, kernel, dilation, padding }) => input + 2 * padding > dilation * (kernel - 1));

const channelCounts = fc.constantFrom(1, 2, 3, 7, 8, 9, 16, 17);

/** Dense, grouped and depthwise channels. */
const channels: fc.Arbitrary<Pick<Problem, "channels" | "outChannels" | "groups">> = fc.oneof(
  fc.record({ channels: channelCounts, outChannels: channelCounts, groups: fc.constant(1) }),
  fc
    .record({ groups: fc.integer({ min: 2, max: 3 }), into: channelCounts, out: channelCounts })
    .map(({ groups, into, out }) => ({ channels: groups * into, outChannels: groups * out, groups })),
  channelCounts.map((n) => ({ channels: n, outChannels: n, groups: n })),
);

const problem: fc.Arbitrary<Problem> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    dimensions: fc.oneof(
      fc.array(dimension(40), { minLength: 1, maxLength: 1 }),
      fc.array(dimension(14), { minLength: 2, maxLength: 2 }),
      fc.array(dimension(5), { minLength: 3, maxLength: 3 }),
    ),
    channels,
  })
  .map(({ batch, dimensions, channels: counts }) => ({
    batch,
    ...counts,
    input: dimensions.map((d) => d.input),
    kernel: dimensions.map((d) => d.kernel),
    stride: dimensions.map((d) => d.stride),
    dilation: dimensions.map((d) => d.dilation),
    padding: dimensions.map((d) => d.padding),
  }));

/** What Winograd's algorithm takes, wherever it is allowed. */
const threeByThree: fc.Arbitrary<Problem> = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  channels: fc.integer({ min: 8, max: 20 }),
  outChannels: fc.integer({ min: 8, max: 20 }),
  input: fc.array(fc.integer({ min: 3, max: 26 }), { minLength: 2, maxLength: 2 }),
  kernel: fc.constant([3, 3]),
  padding: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2, maxLength: 2 }),
});

const target: fc.Arbitrary<Target> = fc.record({
  fma: wasmFeatures().relaxedSimd ? fc.boolean() : fc.constant(false),
  fast: fc.boolean(),
  wide: fc.boolean(),
  threads: fc.constantFrom(1, 2, 3, 64),
});

/**
 * Rounding of sums of up to a few thousand terms, in the order of the kernels; Winograd's larger numbers round more.
 * Where a gradient has a single term in all, the largest number is small, and errors are large beside it.
 */
function tolerance(direction: Direction, fast: boolean): number {
  if (fast) return 5e-5;
  return direction === "convWeightGrad" ? 1e-5 : 5e-6;
}

function check(direction: Direction, p: Problem, t: Target, pieces: number): void {
  const { harness, result, truth } = prepare(direction, p, t, 11);
  harness.run(pieces);
  expect(relativeError(result(), truth())).toBeLessThan(tolerance(direction, t.fast));
}

test.each<Direction>(["conv", "convTranspose", "convWeightGrad"])("%s by kernels is the reference's", (direction) => {
  const pieces = fc.integer({ min: 1, max: 5 });
  fc.assert(
    fc.property(problem, target, pieces, (p, t, n) => check(direction, p, t, n)),
    { numRuns: 80, seed: 1 },
  );
  fc.assert(
    fc.property(threeByThree, target, pieces, (p, t, n) => check(direction, p, t, n)),
    { numRuns: 15, seed: 2 },
  );
});
