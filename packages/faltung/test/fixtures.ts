/** Reading the fixtures that PyTorch made: see fixtures/make_ops.py. */
import { readFileSync } from "node:fs";
import type { DType, Shape } from "../src/tensor/shape.ts";
import { Tensor, type TensorData } from "../src/tensor/tensor.ts";

export interface PackedTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  /** Little-endian bytes in base64. */
  readonly data: string;
}

/** Where a case's argument list has an input, option objects and lists included. */
export type Argument =
  | null
  | number
  | string
  | boolean
  | { readonly input: number }
  | readonly Argument[]
  | { readonly [key: string]: Argument };

export interface OpCase {
  readonly name: string;
  readonly fn: string;
  readonly inputs: readonly PackedTensor[];
  readonly args: readonly Argument[];
  readonly output: PackedTensor;
  readonly seed?: PackedTensor;
  readonly gradients?: readonly (PackedTensor | null)[];
}

export function unpack({ shape, dtype, data }: PackedTensor): Tensor {
  const { buffer } = Uint8Array.from(Buffer.from(data, "base64"));
  const numbers: TensorData =
    dtype === "float32"
      ? new Float32Array(buffer)
      : dtype === "int32"
        ? new Int32Array(buffer)
        : new Uint8Array(buffer);
  return new Tensor(numbers, shape);
}

/** Reads a JSON file of the fixtures folder. */
export function readFixture<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(`../../../fixtures/${path}`, import.meta.url), "utf8")) as T;
}

/** The argument with every `{ input: i }` replaced. */
export function resolve<V>(argument: Argument, inputs: readonly V[]): unknown {
  if (Array.isArray(argument)) return argument.map((a: Argument) => resolve(a, inputs));
  if (typeof argument !== "object" || argument === null) return argument;
  if ("input" in argument) return inputs[argument.input as number];
  return Object.fromEntries(Object.entries(argument).map(([k, v]) => [k, resolve(v as Argument, inputs)]));
}
