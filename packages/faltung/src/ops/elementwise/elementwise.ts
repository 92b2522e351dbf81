/** The functional interface of elementwise operations, in PyTorch's words. */
export { add, div, mul, neg, reciprocal, square, sub } from "./arithmetic.ts";
export { eq, ge, gt, le, logicalAnd, logicalNot, logicalOr, lt, ne, where } from "./comparison.ts";
export {
  abs,
  cast,
  ceil,
  clamp,
  erf,
  exp,
  expm1,
  floor,
  log,
  log1p,
  maximum,
  minimum,
  pow,
  round,
  rsqrt,
  sigmoid,
  sign,
  sqrt,
  tanh,
} from "./functions.ts";
export {
  elu,
  gelu,
  hardsigmoid,
  hardswish,
  hardtanh,
  leakyRelu,
  prelu,
  relu,
  relu6,
  selu,
  silu,
  softplus,
} from "./activations.ts";
