import { expect, test } from "vitest";
import { evaluateValues } from "../../compile/evaluate.ts";
import { gradcheck } from "../../compile/gradcheck.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { constant, toValue, type Value } from "../op.ts";
import { argmax, max, mean, sum, sumTo, variance } from "../reduce/reduce.ts";
import * as f from "./elementwise.ts";

function numbers(v: Value): number[] {
  return [...evaluateValues([v], new Map(), "float32")[0].data];
}

const special = [NaN, -Infinity, -1, -0, 0, 1, Infinity];
const x = constant(Tensor.from(special));

// What torch 1.13 gives for the same numbers.
test("NaN passes through bounds and activations, as in PyTorch", () => {
  expect(numbers(f.relu(x))).toEqual([NaN, 0, 0, -0, 0, 1, Infinity]);
  expect(numbers(f.clamp(x, -0.5, 0.5))).toEqual([NaN, -0.5, -0.5, -0, 0, 0.5, 0.5]);
  expect(numbers(f.maximum(x, 0.5))).toEqual([NaN, 0.5, 0.5, 0.5, 0.5, 1, Infinity]);
  expect(numbers(f.sign(x))).toEqual([0, -1, -1, 0, 0, 1, 1]);
  expect(numbers(f.leakyRelu(x))).toEqual([NaN, -Infinity, Math.fround(-0.01), -0, 0, 1, Infinity]);
  expect(numbers(f.softplus(x)).slice(0, 2)).toEqual([NaN, 0]);
  expect(numbers(f.softplus(x)).slice(4)).toEqual([
    expect.closeTo(Math.LN2, 6),
    expect.closeTo(1.313261688, 6),
    Infinity,
  ]);
  expect(numbers(f.round(Tensor.from([0.5, 1.5, 2.5, -0.5, -1.5, 3.49])))).toEqual([0, 2, 2, -0, -2, 3]);
});

test("dtypes meet: float32 before int32 before uint8", () => {
  const i = toValue(Tensor.from([7, -3], "int32"));
  const u = toValue(Tensor.from([200, 100], "uint8"));
  expect(f.add(i, 1).dtype).toBe("int32");
  expect(f.add(i, 0.5).dtype).toBe("float32");
  expect(f.add(u, i).dtype).toBe("int32");
  expect(f.div(i, 2).dtype).toBe("float32");
  expect(f.lt(i, u).dtype).toBe("uint8");
  expect(numbers(f.add(u, u))).toEqual([144, 200]); // bytes wrap, as in PyTorch
  expect(numbers(f.mul(toValue(Tensor.from([123456789], "int32")), 987654321))).toEqual([-67153019]);
  expect(numbers(f.cast(toValue(Tensor.from([-1.5, 300.7, NaN, 3e9])), "int32"))).toEqual([-1, 300, 0, 2147483647]);
  expect(numbers(f.cast(toValue(Tensor.from([-1.5, 300.7])), "uint8"))).toEqual([255, 44]);
});

test("shapes broadcast, gradients come back to the operands' shapes", () => {
  const a = Tensor.from([[[1, -2, 3]], [[0.5, 4, -1]]]);
  const b = Tensor.from([[2], [0.25]]);
  expect(f.mul(toValue(a), toValue(b)).shape).toEqual([2, 2, 3]);
  gradcheck((p, q) => f.div(f.mul(p, f.exp(q)), f.add(q, 3)), [a, b]);
  gradcheck((p, q) => sumTo(f.mul(p, q), [1, 2, 1]), [a, b]);
  gradcheck((p) => variance(p, [0, 2]), [a]);
  gradcheck((p) => f.mul(max(p, 2, true), mean(p)), [a]);
  gradcheck((p, q) => f.pow(f.abs(p), q), [a, b]);
  gradcheck((p) => f.gelu(p), [a]);
  gradcheck(
    (p, w) => f.prelu(p, w),
    [
      Tensor.from([
        [1, -2, 3],
        [-1, 2, -4],
      ]),
      Tensor.from([0.1, 0.2, 0.3]),
    ],
  );
});

test("reductions", () => {
  const m = Tensor.from([
    [1, 5, NaN, 7],
    [9, 9, 2, 1],
  ]);
  expect(numbers(argmax(m, 1))).toEqual([2, 0]);
  expect(numbers(argmax(m))).toEqual([2]);
  expect(numbers(max(m, 1))).toEqual([NaN, 9]);
  expect(sum(m, -1, true).shape).toEqual([2, 1]);
  expect(numbers(mean(Tensor.zeros([0])))).toEqual([NaN]);
  expect(() => max(Tensor.zeros([2, 0]), 1)).toThrow(/no elements along axes \[1\]/);
});
