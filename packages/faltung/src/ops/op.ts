/**
 * What an operation is, and what a value is: an operation applied to values.
 *
 * An operation is one record: its shape rule, its gradient (as a graph of other operations), its plain reference
 * loops, and its kernels. Shared code never branches on an operation's name. A network is traced by applying
 * operations to values; the resulting graph is immutable, and values are numbered in order of making, so sorting by
 * `id` is a topological order.
 */
import type { Stage } from "../backend/plan.ts";
import { ShapeError } from "../tensor/errors.ts";
import { type DType, type Shape, type TensorType, sameShape, show } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { FieldLayer } from "./conv/geometry.ts";
import type { MapExpression, ScalarFunction } from "./map/expression.ts";

/** The arrays that reference loops read and write: float64 for gradient checks, float32 otherwise. */
export type Numbers = Float64Array | Float32Array | Int32Array | Uint8Array;

/** A tensor as reference loops see it. */
export interface RefTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: Numbers;
}

/** The result of an operation, or a leaf (input, constant, state). Made by {@link apply} only. */
export interface Value<A = unknown> extends TensorType {
  readonly id: number;
  readonly op: Operation<A>;
  readonly inputs: readonly Value[];
  readonly attrs: A;
}

/** What functional operations accept: a tensor or a number stands for a constant. */
export type ValueLike = Value | Tensor | number;

/** Where a gradient rule stands: y = op(inputs), and dy = dL/dy has y's shape. */
export interface Pullback<A> {
  readonly inputs: readonly Value[];
  readonly attrs: A;
  readonly output: Value;
  readonly dy: Value;
}

/**
 * One operation. Method syntax on purpose: records of different attribute types live in one registry.
 *
 * Either primitive (it has `wasm`) or composite (it has `decompose` into other operations, which the compiler applies
 * before planning). Both have reference loops, which are the specification.
 */
export interface Operation<A = unknown> {
  /** camelCase, unique in the registry. */
  readonly name: string;
  /** Result type from operand types. @throws ShapeError */
  infer(inputs: readonly TensorType[], attrs: A): TensorType;
  /** Plain loops into `out.data` (zero-filled at the start). Must work for Float64Array and Float32Array alike. */
  reference(inputs: readonly RefTensor[], attrs: A, out: RefTensor): void;
  /** dL/d(input) for each input, or null where there is none (integer inputs); or the reason why there is none. */
  readonly gradient: Gradient<A>;
  /** The same in terms of other operations. A composite has this and no `wasm`. */
  decompose?(inputs: readonly Value[], attrs: A): Value;
  /** How it becomes WebAssembly kernels. */
  readonly wasm?: WasmLowering<A>;
  /** Present on elementwise operations only: the function of one element, for fusion. */
  readonly scalar?: ScalarFunction;
  /** Multiply-adds, where they are worth counting (convolution, matrix product). */
  macs?(inputs: readonly TensorType[], output: TensorType, attrs: A): number;
  /** For sliding windows over input 0: one description a spatial dimension, from which receptive fields follow. */
  window?(attrs: A): readonly FieldLayer[];
}

export type Gradient<A> = { rule(pullback: Pullback<A>): readonly (Value | null)[] } | { readonly none: string };

/**
 * How a value lies in memory. `plain`: row-major. `blocked`: `[N][⌈C/8⌉][spatial…][8]`, for rank 3 to 5 with N and C
 * first: eight channels side by side in one vector pair. Lanes beyond C hold no meaning (but are allocated): no
 * kernel may let them influence a result.
 */
export type Layout = "plain" | "blocked";

export interface Operand {
  readonly type: TensorType;
  readonly layout: Layout;
}

export interface LayoutChoice {
  readonly inputs: readonly Layout[];
  readonly output: Layout;
}

/** What the engine and the user's options allow. */
export interface Target {
  /** Emit relaxed multiply-add. False in strict precision and where the engine has none. */
  readonly fma: boolean;
  /** Algorithms that round differently from the direct one (Winograd) are allowed. */
  readonly fast: boolean;
  /**
   * The relaxed dot product of signed bytes with bytes up to 127 is there, and right. Its sums are exact, so results do
   * not depend on it. False unless said.
   */
  readonly dot?: boolean;
  /** V8's revectorisation is on: emit both halves of each 8-lane block side by side. */
  readonly wide: boolean;
  /** Number of threads, for choosing grain; results must not depend on it. */
  readonly threads: number;
  /** Decides between algorithms; absent: the cost models do. */
  readonly choose?: (alternatives: Alternatives) => string;
}

/** A piece of work that several algorithms can do, which round differently. */
export interface Alternatives {
  /** The work in words, the same wherever it is the same: `conv 64→64 3×3 to 56×56, batch 1`. */
  readonly work: string;
  readonly algorithms: readonly string[];
  /** What the cost model takes. */
  readonly usual: string;
  readonly site: Site<unknown>;
  lower(algorithm: string): Lowered;
}

/** Where an operation is lowered: its operands with their layouts. */
export interface Site<A> {
  readonly inputs: readonly Operand[];
  readonly output: Operand;
  readonly attrs: A;
  readonly target: Target;
  /**
   * Elementwise work fused into the operation. `epilogue`: applied to each result before it is stored; its argument 0
   * is the result, argument i > 0 is `inputs[own + i - 1]`, where `own` is the operation's own number of inputs.
   */
  readonly epilogue?: MapExpression;
}

/** A buffer of a lowering: an input, output or temporary by index (an operation has one output: 0). */
export interface BufferRef {
  readonly kind: "input" | "output" | "temp";
  readonly index: number;
}

/** Kernel calls in order; between two of them all threads see what was written. `temps`: bytes of each temporary. */
export interface Lowered {
  readonly stages: readonly Stage<BufferRef>[];
  readonly temps: readonly number[];
}

export interface WasmLowering<A> {
  /** The layouts it can work in, best first. Absent: all operands plain. */
  layouts?(inputs: readonly TensorType[], output: TensorType, attrs: A): readonly LayoutChoice[];
  /** True where the lowering honours `site.epilogue`. */
  readonly fusesEpilogue?: boolean;
  /**
   * True where each result is stored once, its epilogue included: it may then be stored over the operand of the epilogue
   * that it was made with. Unless said, sums that are not complete may lie there first.
   */
  storesOnce?(inputs: readonly TensorType[], attrs: A): boolean;
  /** What a result may be stored as after an epilogue: float32 only unless said. */
  readonly epilogueStores?: readonly DType[];
  /** The result is input 0 under another type (reshape of plain data): no kernel at all. */
  readonly alias?: boolean;
  lower(site: Site<A>): Lowered;
}

let nextId = 0;

/** Applies an operation: infers the type and makes the value. */
export function apply<A>(op: Operation<A>, inputs: readonly Value[], attrs: A): Value<A> {
  const { shape, dtype } = op.infer(inputs, attrs);
  return { id: nextId++, op, inputs, attrs, shape, dtype };
}

/** The operation of `value` on other inputs: of the same types, as a rule, and then its own type is known. */
export function reapply<A>(value: Value<A>, inputs: readonly Value[]): Value<A> {
  const { op, attrs, shape, dtype } = value;
  const same = inputs.every((x, i) => x.dtype === value.inputs[i].dtype && sameShape(x.shape, value.inputs[i].shape));
  return same ? { id: nextId++, op, inputs, attrs, shape, dtype } : apply(op, inputs, attrs);
}

function leafOperation<A>(name: string, typeOf: (attrs: A) => TensorType): Operation<A> {
  return {
    name,
    infer: (_inputs, attrs) => typeOf(attrs),
    reference() {
      throw new ShapeError(`${name}: a leaf has no loops; the evaluator supplies its numbers.`);
    },
    gradient: { none: "a leaf has no inputs" },
  };
}

/** Attributes of a program's input. */
export interface InputAttributes {
  readonly name: string;
  readonly type: TensorType;
}

/** What a state is for: told apart in `program.memory`, in checkpoints and by optimisers. */
export type StateRole = "parameter" | "buffer" | "optimizer" | "random";

/** Attributes of a state: a tensor that outlives a step. `initial` is what it holds before the first. */
export interface StateAttributes {
  readonly role: StateRole;
  /** For messages and `explain()`; need not be unique. */
  readonly label: string;
  readonly initial: Tensor;
}

export const inputOp: Operation<InputAttributes> = leafOperation("input", (a) => a.type);
export const constantOp: Operation<{ readonly tensor: Tensor }> = leafOperation("constant", (a) => a.tensor);
export const stateOp: Operation<StateAttributes> = leafOperation("state", (a) => a.initial);

export type State = Value<StateAttributes>;

/**
 * A value that is given when the graph runs. Inside `compile` and `trace` they are made from the types; by hand it
 * serves to ask for shapes.
 *
 * @example
 * ```ts
 * relu(input("x", { shape: [2, 3], dtype: "float32" })).shape; // [2, 3]
 * ```
 */
export function input(name: string, type: TensorType): Value<InputAttributes> {
  return apply(inputOp, [], { name, type });
}

/**
 * A tensor as a value: its numbers are part of the program. Operations make one of a Tensor or number by themselves.
 *
 * @example
 * ```ts
 * add(constant(Tensor.from([1, 2])), 1).shape; // [2]
 * ```
 */
export function constant(tensor: Tensor): Value<{ readonly tensor: Tensor }> {
  return apply(constantOp, [], { tensor });
}

/**
 * A tensor that outlives a step: a parameter, a running statistic, a momentum. See `assign`, and `program.read` and
 * `write`.
 *
 * @example
 * ```ts
 * const count = state({ role: "buffer", label: "count", initial: Tensor.scalar(0, "int32") });
 * count.dtype; // "int32"
 * ```
 */
export function state(attrs: StateAttributes): State {
  return apply(stateOp, [], attrs);
}

function isMadeBy<A>(op: Operation<A>, value: Value): value is Value<A> {
  return value.op.name === op.name;
}

export function isState(value: Value): value is State {
  return isMadeBy(stateOp, value);
}

export function isConstant(value: Value): value is Value<{ readonly tensor: Tensor }> {
  return isMadeBy(constantOp, value);
}

export function isInput(value: Value): value is Value<InputAttributes> {
  return isMadeBy(inputOp, value);
}

/** A tensor or number as a constant; a value as itself. Numbers take `dtype` (float32 unless said). */
export function toValue(x: ValueLike, dtype: DType = "float32"): Value {
  if (typeof x === "number") return constant(Tensor.scalar(x, dtype));
  if (x instanceof Tensor) return constant(x);
  if (isValue(x)) return x;
  throw new ShapeError(`an operand is ${String(x)}; it must be a value, a Tensor or a number.`);
}

/** True of what {@link apply} makes. */
export function isValue(x: unknown): x is Value {
  return typeof x === "object" && x !== null && "op" in x && "attrs" in x;
}

/** `float32 [1, 3, 32, 32]`, for messages. */
export function describe(type: TensorType): string {
  return `${type.dtype} ${show(type.shape)}`;
}
