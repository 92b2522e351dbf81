/**
 * Samples of operations, for the conformance tests that walk the registry: each is run by every backend, checked
 * against the decomposition where there is one, and its gradients against finite differences. Test-only.
 */
import type { DType, Shape } from "../tensor/shape.ts";
import type { Value } from "./op.ts";

/** How a sample's input is filled, from a seed. `distinct`: no two elements equal or close (for max, sort, argmax). */
export type Fill =
  | { readonly kind: "normal" }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | { readonly kind: "distinct" }
  | { readonly kind: "integers"; readonly below: number }
  | { readonly kind: "values"; readonly values: readonly number[] };

export interface SampleInput {
  readonly shape: Shape;
  /** float32 unless said; integer inputs are never differentiated. */
  readonly dtype?: DType;
  /** `normal` unless said. Stay ≥ 0.05 away from kinks (relu at 0): gradients are checked by finite differences. */
  readonly fill?: Fill;
}

export interface Sample {
  /** `conv2d, stride 2, padding 1`. The registry's operation names that it exercises are read off the graph. */
  readonly name: string;
  readonly inputs: readonly SampleInput[];
  build(...inputs: Value[]): Value;
  /** False where the result is piecewise constant or random. */
  readonly differentiable?: boolean;
  /** Relative tolerance of float32 backends against the float64 reference; 1e-5 × √(terms summed) is usual. */
  readonly tolerance?: number;
}
