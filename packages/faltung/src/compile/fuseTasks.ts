/** Tasks of fused elementwise work: maps, reductions of expressions, and operations with an epilogue. */
import type { Layout, Value } from "../ops/op.ts";
import { broadcastSteps } from "../ops/broadcast/axes.ts";
import type { BroadcastAttributes } from "../ops/broadcast/axes.ts";
import type { MapExpression, MapStep } from "../ops/map/expression.ts";
import { literal } from "../ops/map/literal.ts";
import { mapLayouts } from "../ops/map/lowering.ts";
import { lowerMap } from "../ops/map/map.wasm.ts";
import { blockedAccess, stepsIn } from "../ops/map/nest.ts";
import { lowerReduce, reducesBlocked } from "../ops/map/reduce.wasm.ts";
import { BYTES, type Shape, sameShape } from "../tensor/shape.ts";
import { isBroadcast, reductionKind } from "./fuseGraph.ts";
import { uniformValue } from "./simplify.ts";
import { type Task, type TaskLayouts, taskOf } from "./task.ts";

/** Vector instructions up to which a map takes no longer than its bytes. */
const CHEAP = 16;

interface OperandOf {
  readonly value: Value;
  readonly steps: readonly number[];
}

/** Collects the expression that computes some values of one shape from stored ones. */
export class ExpressionBuilder {
  readonly operands: OperandOf[] = [];
  readonly #domain: Shape;
  readonly #computed: (v: Value) => boolean;
  readonly #steps: { readonly step: Omit<MapStep, "args">; readonly args: readonly Ref[] }[] = [];
  readonly #known = new Map<Value, Ref>();

  /** @param computed values that are computed here rather than read */
  constructor(domain: Shape, computed: (v: Value) => boolean) {
    this.#domain = domain;
    this.#computed = computed;
  }

  /** Makes a value an operand, read as it is. */
  operand(value: Value, steps: readonly number[] = stepsIn(value.shape, this.#domain)): Ref {
    const at = this.operands.findIndex((x) => x.value === value && x.steps.join() === steps.join());
    return { operand: true, at: at >= 0 ? at : this.operands.push({ value, steps }) - 1 };
  }

  ref(v: Value): Ref {
    const known = this.#known.get(v);
    if (known !== undefined) return known;
    const made = this.#make(v);
    this.#known.set(v, made);
    return made;
  }

  #make(v: Value): Ref {
    const uniform = uniformValue(v);
    if (uniform !== null) return this.#push({ ...literal(uniform, v.dtype) }, []);
    if (!this.#computed(v)) return this.operand(v);
    const { scalar } = v.op;
    if (scalar === undefined) return this.operand(v.inputs[0], broadcastSteps(v.attrs as BroadcastAttributes));
    return this.#push(
      { fn: scalar, attrs: v.attrs, dtype: v.dtype },
      v.inputs.map((x) => this.ref(x)),
    );
  }

  #push(step: Omit<MapStep, "args">, args: readonly Ref[]): Ref {
    return { operand: false, at: this.#steps.push({ step, args }) - 1 };
  }

  /** The expression whose results are these; operands come first. */
  finish(results: readonly Ref[]): MapExpression {
    const index = ({ operand, at }: Ref): number => (operand ? at : this.operands.length + at);
    return {
      inputs: this.operands.map((x) => x.value.dtype),
      steps: this.#steps.map(({ step, args }) => ({ ...step, args: args.map(index) })),
      outputs: results.map(index),
    };
  }
}

interface Ref {
  readonly operand: boolean;
  readonly at: number;
}

/** `sub+mul+add`, shortened if long. */
function labelOf(expression: MapExpression, last: string): string {
  const names = expression.steps.filter((s) => s.fn.arity > 0).map((s) => s.fn.name);
  if (last !== "") names.push(last);
  return names.length <= 5
    ? names.join("+")
    : `${names.slice(0, 2).join("+")}+…${names.length - 3} more…+${names.at(-1)}`;
}

/** One pass that computes `outputs`, which all have one shape. */
export function mapTask(outputs: readonly Value[], inlined: (v: Value) => boolean): Task {
  const domain = outputs[0].shape;
  const builder = new ExpressionBuilder(domain, (v) => outputs.includes(v) || inlined(v));
  const expression = builder.finish(outputs.map((v) => builder.ref(v)));
  const { operands } = builder;
  const inputs = operands.map((x) => x.value);
  const steps = operands.map((x) => x.steps);
  const along = inputs.map((x, i) => sameShape(x.shape, domain) && walksAlong(domain, steps[i]));
  const label = labelOf(expression, "") || (outputs.some(isBroadcast) ? "broadcast" : "copy");
  return {
    label,
    inputs,
    outputs,
    layouts: mapLayouts(
      domain,
      inputs.map((x) => x.shape),
      steps,
    ).map((choice) => ({
      inputs: choice.inputs,
      outputs: outputs.map(() => choice.output),
    })),
    alias: false,
    cheap: expression.steps.reduce((sum, step) => sum + step.fn.cost, 0) <= CHEAP,
    inPlace: outputs.flatMap((y, o) =>
      inputs.flatMap((x, i) => (along[i] && BYTES[x.dtype] === BYTES[y.dtype] ? [[o, i] as const] : [])),
    ),
    lower: (layouts, target) =>
      lowerMap({
        label,
        expression,
        shape: domain,
        layout: layouts.outputs[0],
        operands: inputs.map((x, i) => ({ dtype: x.dtype, layout: layouts.inputs[i], steps: steps[i] })),
        target,
      }),
  };
}

function walksAlong(shape: Shape, steps: readonly number[]): boolean {
  return stepsIn(shape, shape).join() === steps.join();
}

/** One or a few passes that reduce expressions over one domain, along the same axes. */
export function reduceTask(outputs: readonly Value[], inlined: (v: Value) => boolean): Task {
  const domain = outputs[0].inputs[0].shape;
  const { axes } = outputs[0].attrs as { readonly axes: readonly number[] };
  const builder = new ExpressionBuilder(domain, inlined);
  const expression = builder.finish(outputs.map((v) => builder.ref(v.inputs[0])));
  const { operands } = builder;
  const inputs = operands.map((x) => x.value);
  const kinds = outputs.map((v) => reductionKind(v) ?? "sum");
  const label = labelOf(expression, kinds.join("+"));
  const plain: TaskLayouts = { inputs: inputs.map(() => "plain"), outputs: outputs.map(() => "plain") };
  const access = operands.map((x) => blockedAccess(domain, x.value.shape, x.steps));
  const layouts: TaskLayouts[] = [plain];
  if (reducesBlocked(domain, axes) && access.every((x): x is Layout => x !== null)) {
    const blocked: TaskLayouts = { inputs: access, outputs: plain.outputs };
    if (domain[1] % 8 === 0) layouts.unshift(blocked);
    else layouts.push(blocked);
  }
  return {
    label,
    inputs,
    outputs,
    layouts,
    alias: false,
    inPlace: [],
    lower: (chosen, target) =>
      lowerReduce({
        label,
        expression,
        kinds,
        stored: outputs.map((v) => v.dtype),
        shape: domain,
        axes,
        layout: chosen.inputs.includes("blocked") ? "blocked" : "plain",
        operands: operands.map((x, i) => ({ dtype: x.value.dtype, layout: chosen.inputs[i], steps: x.steps })),
        target,
      }),
  };
}

/** An operation with elementwise work on its result: only `output` is stored. @param chain what is computed in between */
export function epilogueTask(root: Value, output: Value, chain: ReadonlySet<Value>): Task {
  const { op, attrs } = root;
  const { wasm } = op;
  if (wasm === undefined) return taskOf(root);
  const builder = new ExpressionBuilder(root.shape, (v) => v !== root && chain.has(v));
  builder.operand(root); // argument 0 is the operation's result
  const epilogue = builder.finish([builder.ref(output)]);
  const extra = builder.operands.slice(1).map((x) => x.value);
  const alone = taskOf(root);
  const storedOnce = wasm.storesOnce?.(root.inputs, attrs) === true;
  return {
    label: `${op.name}+${labelOf(epilogue, "")}`,
    inputs: [...root.inputs, ...extra],
    outputs: [output],
    layouts: alone.layouts.map(({ inputs, outputs }) => ({
      inputs: [...inputs, ...extra.map((x) => (sameShape(x.shape, root.shape) ? outputs[0] : "plain"))],
      outputs,
    })),
    alias: false,
    inPlace: extra.flatMap((x, i) =>
      storedOnce && sameShape(x.shape, output.shape) && BYTES[x.dtype] === BYTES[output.dtype]
        ? [[0, root.inputs.length + i] as const]
        : [],
    ),
    lower: (layouts, target) =>
      wasm.lower({
        inputs: [...root.inputs, ...extra].map((type, i) => ({ type, layout: layouts.inputs[i] })),
        output: { type: output, layout: layouts.outputs[0] },
        attrs,
        target,
        epilogue,
      }),
  };
}
