/**
 * What the compiler must say about the public API: `npm run typecheck` is the test, nothing here is run.
 * `expectTypeOf` demands a type exactly; `@ts-expect-error` demands that a mistake is one.
 */
import { expectTypeOf } from "vitest";
import { type DType, type FaltungError, Random, type Shape, type ShapeError, Tensor, type TensorData } from "faltung";

// Tensor
expectTypeOf(Tensor.from([[1, 2]])).toEqualTypeOf<Tensor>();
expectTypeOf(Tensor.zeros([2, 3], "int32").shape).toEqualTypeOf<Shape>();
expectTypeOf<Tensor["dtype"]>().toEqualTypeOf<DType>();
expectTypeOf<DType>().toEqualTypeOf<"float32" | "int32" | "uint8">();
expectTypeOf<Tensor["data"]>().toEqualTypeOf<TensorData>();
expectTypeOf<readonly [1, 2]>().toExtend<Shape>();
// @ts-expect-error float64 is not a dtype
Tensor.zeros([2], "float64");
// @ts-expect-error shapes hold numbers
Tensor.zeros(["2"]);
// @ts-expect-error a tensor's shape does not change
Tensor.scalar(1).shape = [1];
// @ts-expect-error nor does an entry of it
Tensor.scalar(1).shape[0] = 2;

// Random
expectTypeOf(new Random(1).shuffle([1, 2])).toEqualTypeOf<number[]>();
// @ts-expect-error a seed is a number or a state
expectTypeOf(new Random("1")).toEqualTypeOf<Random>();

// Errors
expectTypeOf<ShapeError>().toExtend<FaltungError>();
expectTypeOf<FaltungError["code"]>().toEqualTypeOf<string>();
