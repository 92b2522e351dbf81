/**
 * A smaller graph of the same numbers, bit for bit, NaN and −0 included (but a sum of one −0 stays −0): equal values
 * computed once, small constants computed now, and operations that change nothing left out. Differentiation relies on
 * it: its rules ask for the same intermediate values again and again.
 */
import { type Value, apply, constant, isConstant, isInput, isState, reapply } from "../ops/op.ts";
import { broadcastOp, sumOp } from "../ops/broadcast/broadcast.op.ts";
import { addOp, divOp, mulOp, negOp, subOp } from "../ops/elementwise/arithmetic.ts";
import { whereOp } from "../ops/elementwise/comparison.ts";
import { reshapeOp } from "../ops/shape/reshape.op.ts";
import { type Shape, sameShape, sizeOf } from "../tensor/shape.ts";
import { Tensor, allocate } from "../tensor/tensor.ts";
import { rewrite } from "./graph.ts";
import { poolMask } from "./poolMask.ts";

/** Results of this many elements are computed at compile time if all operands are constants. */
const FOLDED = 64;

/** @returns for each root the value that stands for it */
export function simplify(roots: readonly Value[]): Value[] {
  const known = new Map<string, Value>();
  const share = (value: Value): Value => {
    const key = keyOf(value);
    if (key === null) return value;
    const equal = known.get(key);
    if (equal !== undefined) return equal;
    known.set(key, value);
    return value;
  };
  return rewrite(roots, (value, inputs) => {
    if (isInput(value) || isState(value)) return value;
    if (isConstant(value)) return share(value);
    const same = inputs.every((x, i) => x === value.inputs[i]);
    const shorter = identity(value, inputs);
    if (shorter !== undefined)
      return sameShape(shorter.shape, value.shape) ? shorter : share(reshaped(shorter, value.shape));
    return poolMask(value, inputs, uniformValue, share) ?? share(fold(same ? value : reapply(value, inputs)));
  });
}

function is(value: Value, op: object): boolean {
  return (value.op as object) === op;
}

/** Equal for values that hold the same numbers; null if that cannot be told cheaply. */
function keyOf(value: Value): string | null {
  if (isConstant(value)) {
    const { data, shape, dtype } = value.attrs.tensor;
    if (data.length > FOLDED) {
      const uniform = uniformValue(value);
      return uniform === null ? null : `uniform ${dtype} ${shape.join()} ${Object.is(uniform, -0) ? "-0" : uniform}`;
    }
    return `constant ${dtype} ${shape.join()} ${new Uint8Array(data.buffer, data.byteOffset, data.byteLength).join()}`;
  }
  return `${value.op.name} ${value.inputs.map((x) => x.id).join()} ${attributesKey(value.attrs)}`;
}

/** Attributes are numbers, words, and lists and records of them. */
function attributesKey(attrs: unknown): string {
  if (typeof attrs === "number") return Object.is(attrs, -0) ? "-0" : String(attrs);
  if (typeof attrs !== "object" || attrs === null) return String(attrs);
  if (ArrayBuffer.isView(attrs)) return `${attrs.constructor.name}(${String(attrs)})`;
  if (Array.isArray(attrs)) return `[${attrs.map(attributesKey).join()}]`;
  return `{${Object.entries(attrs)
    .map(([key, x]) => `${key}:${attributesKey(x)}`)
    .join()}}`;
}

const uniforms = new WeakMap<Tensor, number | null>();

/** The number that all elements are; null if they differ, or if the value is not constant. */
export function uniformValue(value: Value): number | null {
  if (is(value, broadcastOp) || is(value, reshapeOp)) return uniformValue(value.inputs[0]);
  if (!isConstant(value)) return null;
  const { tensor } = value.attrs;
  let uniform = uniforms.get(tensor);
  if (uniform === undefined) uniforms.set(tensor, (uniform = uniformOf(tensor)));
  return uniform;
}

function uniformOf({ data }: Tensor): number | null {
  if (data.length === 0) return null;
  const [first] = data;
  return data.every((x) => Object.is(x, first)) ? first : null;
}

/** An operand (or its operand) that already holds the result, perhaps under another shape. */
function identity(value: Value, inputs: readonly Value[]): Value | undefined {
  const [a, b, c] = inputs;
  if (is(value, reshapeOp)) return is(a, reshapeOp) ? a.inputs[0] : sameShape(a.shape, value.shape) ? a : undefined;
  if (is(value, broadcastOp)) return sizeOf(a.shape) === sizeOf(value.shape) ? a : undefined;
  if (is(value, sumOp)) return sizeOf(a.shape) === sizeOf(value.shape) && a.dtype === value.dtype ? a : undefined;
  const whole = (x: Value): boolean => x.dtype === value.dtype && sameShape(x.shape, value.shape);
  if (is(value, negOp)) return is(a, negOp) ? a.inputs[0] : undefined;
  if (is(value, mulOp))
    return whole(a) && uniformValue(b) === 1 ? a : whole(b) && uniformValue(a) === 1 ? b : undefined;
  if (is(value, divOp)) return whole(a) && uniformValue(b) === 1 ? a : undefined;
  if (is(value, subOp)) return whole(a) && Object.is(uniformValue(b), 0) ? a : undefined;
  // x + 0 is not x where x = −0; x + (−0) is.
  if (is(value, addOp)) return whole(a) && Object.is(uniformValue(b), -0) ? a : undefined;
  if (is(value, whereOp)) return b === c && whole(b) ? b : undefined;
  return undefined;
}

function reshaped(x: Value, shape: Shape): Value {
  const source = is(x, reshapeOp) ? x.inputs[0] : x;
  return sameShape(source.shape, shape) ? source : apply(reshapeOp, [source], { shape });
}

/** A small result of constants, computed by the reference loops. */
function fold(value: Value): Value {
  if (value.op.scalar === undefined || sizeOf(value.shape) > FOLDED || !value.inputs.every(isConstant)) return value;
  const out = { shape: value.shape, dtype: value.dtype, data: allocate(value.dtype, sizeOf(value.shape)) };
  value.op.reference(
    value.inputs.map((x) => (isConstant(x) ? x.attrs.tensor : out)),
    value.attrs,
    out,
  );
  return constant(new Tensor(out.data, value.shape));
}
