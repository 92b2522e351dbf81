/** Tensors: nested lists in and out, and what is refused. */
import { describe, expect, it } from "vitest";
import { ShapeError } from "./errors.ts";
import { Tensor } from "./tensor.ts";

describe("Tensor", () => {
  it("gives nested lists back, empty ones and scalars included", () => {
    for (const list of [
      [
        [1, 2],
        [3, 4],
      ],
      [],
      [[], []],
      [[[5]]],
      7,
    ]) {
      expect(Tensor.from(list).toArray()).toEqual(list);
    }
    expect(Tensor.zeros([2, 0, 3]).toArray()).toEqual([[], []]);
  });

  it("refuses what is no shape, no dtype, no index, no row", () => {
    const x = Tensor.from([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    for (const wrong of [
      () => Tensor.zeros([2.5]),
      () => Tensor.zeros([-1]),
      () => Tensor.zeros([1], "float64" as "float32"),
      () => Tensor.from([[1], [2, 3]]),
      () => Tensor.from([1, [2]]),
      () => x.reshape([4, -1]),
      () => x.reshape([-1, -1]),
      () => x.at(0),
      () => x.at(0, 3),
      () => x.at(0, -1),
      () => x.at(0, 0.5),
      () => x.item(),
    ]) {
      expect(wrong).toThrow(ShapeError);
    }
  });
});
