import { expect, it } from "vitest";
import type { Query } from "../address.ts";
import { KERNELS } from "./kernels.ts";
import { filterFrom, isKernel } from "./state.ts";

it("is Sobel's kernel unless the address has another", () => {
  expect(filterFrom({})).toEqual({
    kernel: "sobelx",
    weights: KERNELS["sobelx"].weights,
    divisor: 4,
    mode: "replicate",
    stride: 1,
    gray: false,
    view: "signed",
    channel: 1,
  });
});

it("takes one's own numbers", () => {
  const state = filterFrom({
    weights: "0,0,0/0,2,0/0,0,0",
    divisor: "0.5",
    stride: "3",
    view: "absolute",
    channel: "2",
  });
  expect(state).toMatchObject({ kernel: "own", divisor: 0.5, stride: 3, view: "absolute", channel: 2 });
  expect(state.weights[1]).toEqual([0, 2, 0]);
});

it.each<Query>([
  { kernel: "toString" },
  { kernel: "__proto__" },
  { weights: "" },
  { weights: "5" },
  { weights: "1,2/3" },
  { weights: "1,2,3/4,5,6" },
  { weights: "1e300,0,0/0,1,0/0,0,0" },
  { weights: "a,0,0/0,1,0/0,0,0" },
  { divisor: "0", weights: "0,0,0/0,1,0/0,0,0" },
  { divisor: "Infinity", mode: "mirror", stride: "0", view: "x", channel: "7" },
])("is at a filter whatever stands in the address: %j", (query) => {
  const { weights, divisor, view } = filterFrom(query);
  expect(isKernel(weights)).toBe(true);
  expect(weights.flat().every(Number.isFinite)).toBe(true);
  expect(divisor).not.toBe(0);
  expect(Number.isFinite(divisor)).toBe(true);
  expect(["clip", "signed"]).toContain(view);
});
