/**
 * Tracing: running a function of values once, to learn its graph. What is computed is in the values themselves; what
 * must be remembered besides (running statistics to update, random streams to draw) is noted in the current trace.
 */
import { type InputAttributes, type State, type Value, constant, describe, input, isValue, state } from "../ops/op.ts";
import { FaltungError, ShapeError } from "../tensor/errors.ts";
import { type TensorType, sameShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { add } from "../ops/elementwise/elementwise.ts";

/** What a traced function computes. All reads of a state see its value before the step; updates come at its end. */
export interface Graph {
  readonly inputs: readonly Value<InputAttributes>[];
  readonly outputs: Readonly<Record<string, Value>>;
  readonly updates: readonly (readonly [State, Value])[];
}

interface Trace {
  readonly updates: Map<State, Value>;
  readonly random: RandomSource;
  streams: number;
}

/**
 * Where a program's random numbers come from: a counter kept as a state, one more each step, so that step t's numbers
 * are the same on any number of threads and after a resume. Share one among the entries that belong to one run.
 */
export interface RandomSource {
  readonly counter: State;
}

/**
 * A source of random numbers for traced functions. @param seed fixes every mask of the run.
 *
 * @example
 * ```ts
 * const noisy = await compile(({ x }) => ({ y: new Dropout(0.5).forward(x) }), { x: [4] }, { random: randomSource(7) });
 * noisy.program.close(); // each call dropped other elements; seed 7 fixes which
 * ```
 */
export function randomSource(seed: number): RandomSource {
  return { counter: state({ role: "random", label: "random.counter", initial: Tensor.scalar(seed | 0, "int32") }) };
}

let current: Trace | undefined;

function inTrace(what: string): Trace {
  if (current === undefined) {
    throw new FaltungError(
      "trace",
      `${what} has a meaning only while a network is traced: call it inside compile's or trace's function.`,
    );
  }
  return current;
}

/** A forgotten name, an `async` before the function, a number for a value: types forbid them, JavaScript does not. */
function checkOutputs(outputs: object | undefined): void {
  const record = outputs instanceof Promise || isValue(outputs) ? undefined : outputs;
  if (record === undefined || !Object.values(record).every(isValue)) {
    throw new ShapeError("trace: the function must return a record of values, as in { y }, and not be async.");
  }
}

/**
 * Traces `fn`, giving it one value for each input type.
 *
 * @throws ShapeError unless `fn` returns a record of values.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: relu(x) }), { x: { shape: [2, 3], dtype: "float32" } });
 * graph.outputs.y.shape; // [2, 3]
 * ```
 */
export function trace<I extends string, O extends string>(
  fn: (inputs: Readonly<Record<I, Value>>) => Readonly<Record<O, Value>>,
  inputs: Readonly<Record<I, TensorType>>,
  random: RandomSource = randomSource(0),
): Graph & { readonly outputs: Readonly<Record<O, Value>> } {
  const names = Object.keys(inputs) as I[];
  const values = names.map((name) => input(name, inputs[name]));
  const outer = current;
  const mine: Trace = { updates: new Map(), random, streams: 0 };
  current = mine;
  try {
    const outputs = fn(Object.fromEntries(names.map((name, i) => [name, values[i]])) as Record<I, Value>);
    checkOutputs(outputs);
    if (mine.streams > 0) assign(random.counter, add(random.counter, constant(Tensor.scalar(1, "int32"))));
    return { inputs: values, outputs, updates: [...mine.updates] };
  } finally {
    current = outer;
  }
}

/**
 * Notes that `target` holds `value` after the step. The last assignment to a state wins; reads within the step still
 * see the old value.
 * @throws ShapeError if the types differ.
 *
 * @example
 * ```ts
 * const total = state({ role: "buffer", label: "total", initial: Tensor.scalar(0) });
 * const run = await compile(({ x }) => {
 *   assign(total, add(total, sum(x)));
 *   return { before: total };
 * }, { x: [2] });
 * run({ x: Tensor.from([1, 2]) }).before.item(); // 0
 * run.program.read(total).item(); // 3
 * run.program.close();
 * ```
 */
export function assign(target: State, value: Value): void {
  const { label } = target.attrs;
  if (target.dtype !== value.dtype || !sameShape(target.shape, value.shape)) {
    throw new ShapeError(`assign: state ${label} is ${describe(target)}, but it was given ${describe(value)}.`);
  }
  inTrace(`assign(${label})`).updates.set(target, value);
}

/** What a random operation needs: this step's seed, and the number of its own stream. */
export function drawRandom(): { readonly seed: Value; readonly stream: number } {
  const t = inTrace("dropout");
  return { seed: t.random.counter, stream: t.streams++ };
}
