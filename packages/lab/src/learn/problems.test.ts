/** Exercises against sums written out by hand, and against the library's kernels. */
import { Tensor, conv2d, evaluate, maxPool2d, trace } from "faltung";
import { describe, expect, it } from "vitest";
import type { ExerciseKind } from "./idea.ts";
import { type Plane, problem, slide } from "./problems.ts";

const seeds = Array.from({ length: 20 }, (_, i) => i + 1);

function computed(x: Plane, w: Plane, flip: boolean): unknown {
  const graph = trace(
    () => ({ y: conv2d(Tensor.from([[x]]), Tensor.from([[w]]), null, { flip }) }),
    {} as Record<never, never>,
  );
  return (evaluate(graph, {}).outputs.y.toArray() as number[][][][])[0][0];
}

describe("filling cells", () => {
  it.each(["cells", "cells-flip"] as const)("%s: as the library computes it", (kind) => {
    for (const seed of seeds) {
      const { given, answer } = problem(kind, seed);
      expect(answer).toEqual(computed(given[0].plane, given[1].plane, kind === "cells-flip"));
    }
  });

  it("the product of polynomials: (1 + 2x + 3x²)(4 + 5x)", () => {
    expect(slide([[0, 1, 2, 3, 0]], [[4, 5]], true)).toEqual([[4, 13, 22, 15]]);
  });

  it("pooling: as the library computes it", () => {
    for (const seed of seeds) {
      const { given, answer } = problem("pool", seed);
      const graph = trace(() => ({ y: maxPool2d(Tensor.from([[given[0].plane]]), 2) }), {} as Record<never, never>);
      expect(answer).toEqual((evaluate(graph, {}).outputs.y.toArray() as number[][][][])[0][0]);
    }
  });
});

describe.each<ExerciseKind>(["size", "size-dilated", "transposed-size", "receptive", "parameters", "discrete"])(
  "%s",
  (kind) => {
    it("gives whole, positive answers, and not always the same", () => {
      // As many as somebody who asks for another one, and another one, may see.
      const many = Array.from({ length: 500 }, (_, i) => i + 1);
      const answers = many.map((seed) => problem(kind, seed).answer);
      for (const plane of answers) for (const v of plane.flat()) expect(Number.isInteger(v) && v >= 0).toBe(true);
      expect(new Set(answers.map(String)).size).toBeGreaterThan(3);
      expect(problem(kind, 3)).toEqual(problem(kind, 3));
    });
  },
);
