/**
 * Recurrent layers, as networks that read lines of text have them behind their convolutions: unrolled, one step after
 * the other. https://onnx.ai/onnx/operators/onnx__LSTM.html and its neighbours.
 */
import * as f from "../../../ops/elementwise/elementwise.ts";
import { matmul } from "../../../ops/matmul/matmul.ts";
import { type Value, constant } from "../../../ops/op.ts";
import { permute, reshape, slice, split, stack } from "../../../ops/shape/shape.ts";
import { show } from "../../../tensor/shape.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import type { Operator, OnnxNode, Operators } from "../node.ts";

const ACTIVATIONS: Readonly<Record<string, (x: Value) => Value>> = {
  Sigmoid: f.sigmoid,
  Tanh: f.tanh,
  Relu: f.relu,
  HardSigmoid: (x) => f.clamp(f.add(f.mul(x, 0.2), 0.5), 0, 1),
  Softsign: (x) => f.div(x, f.add(f.abs(x), 1)),
  Softplus: (x) => f.softplus(x, 1, Infinity),
};

/** One direction of a layer: its weights, and the functions it was given. */
interface Direction {
  /** [gates · H, H] */
  readonly recurrence: Value;
  /** Biases of the products with x and with h, [gates · H]; absent where there are none. */
  readonly inputBias: Value | undefined;
  readonly stateBias: Value | undefined;
  /** LSTM: weights with which the gates look at the cell's state, [3 · H] */
  readonly peepholes: Value | undefined;
  readonly activations: readonly ((x: Value) => Value)[];
  /** How far a sum may go before its activation. */
  readonly limited: (x: Value) => Value;
}

/** What is carried from step to step: [batch, H] each. LSTM carries the cell's state as well. */
type Carried = readonly Value[];

/** x is the product of this step's input with all gates' weights, [batch, gates · H]. */
type Step = (node: OnnxNode, d: Direction, x: Value, carried: Carried) => Carried;

interface Kind {
  readonly gates: number;
  readonly activations: readonly string[];
  /** Inputs that the carried values begin with. */
  readonly initial: readonly number[];
  readonly step: Step;
}

const MOST_STEPS = 1024;

/** Whether each way goes backwards. */
const DIRECTIONS: Readonly<Record<string, readonly boolean[] | undefined>> = {
  forward: [false],
  reverse: [true],
  bidirectional: [false, true],
};

function withBias(x: Value, bias: Value | undefined): Value {
  return bias === undefined ? x : f.add(x, bias);
}

/** Equal parts along the last axis. */
function parts(x: Value, count: number): Value[] {
  const last = x.shape.length - 1;
  const size = x.shape[last] / count;
  return split(
    x,
    Array.from({ length: count }, () => size),
    last,
  );
}

function activationsOf(node: OnnxNode, { activations }: Kind, direction: number): ((x: Value) => Value)[] {
  const given = node.texts("activations") ?? [];
  if (node.floats("activation_alpha") !== undefined || node.floats("activation_beta") !== undefined)
    node.unsupported("activations with numbers of their own");
  return activations.map((usual, i) => {
    const name = given[direction * activations.length + i] ?? usual;
    return ACTIVATIONS[name] ?? node.unsupported(`activation ${name}`);
  });
}

function recurrent(kind: Kind): Operator {
  return {
    build(node): readonly Value[] {
      const batchFirst = node.int("layout", 0) !== 0;
      const turned = (v: Value): Value => (batchFirst ? permute(v, [1, 0, 2]) : v);
      const x = turned(node.value(0));
      const [steps, batch, features] = x.shape;
      const [directions, rows, size] = node.shape(2);
      const ways = DIRECTIONS[node.text("direction", "forward")];
      if (ways?.length !== directions || rows !== kind.gates * size)
        return node.fail(`its direction does not belong to weights ${show(node.shape(1))} and ${show(node.shape(2))}.`);
      if (steps > MOST_STEPS) node.unsupported(`its ${steps} steps are more than ${MOST_STEPS}`);
      // Where sequences are shorter than the longest, their state stays and their output is 0.
      const lengths = node.has(4) ? reshape(f.cast(node.value(4), "int32"), [batch, 1]) : undefined;
      const walks = ways.map((backwards, d) => {
        const of = (i: number): Value | undefined => {
          if (!node.has(i)) return undefined;
          const part = slice(node.value(i), [[d, d + 1]]);
          return reshape(part, part.shape.slice(1));
        };
        const start = kind.initial.map((i) => {
          if (!node.has(i)) return constant(Tensor.zeros([batch, size]));
          return reshape(slice(turned(node.value(i)), [[d, d + 1]]), [batch, size]);
        });
        const [inputBias, stateBias] = node.has(3) ? parts(of(3) ?? node.value(3), 2) : [];
        const clip = node.float("clip", 0);
        const direction: Direction = {
          recurrence: of(2) ?? node.value(2),
          inputBias,
          stateBias,
          peepholes: kind.initial.length > 1 ? of(7) : undefined,
          activations: activationsOf(node, kind, d),
          limited: (v) => (clip > 0 ? f.clamp(v, -clip, clip) : v),
        };
        const weights = of(1) ?? node.value(1);
        const products = matmul(reshape(x, [steps * batch, features]), weights, { transB: true });
        const all = reshape(withBias(products, inputBias), [steps, batch, rows]);
        return walked(node, kind, direction, { all, start, lengths, backwards });
      });
      const outputs = stack(
        walks.map(({ outputs: list }) => stack(list)),
        1,
      );
      const last = kind.initial.map((_, k) => turned(stack(walks.map(({ carried }) => carried[k]))));
      return [batchFirst ? permute(outputs, [2, 0, 1, 3]) : outputs, ...last];
    },
  };
}

interface Walk {
  /** [steps, batch, gates · H] */
  readonly all: Value;
  readonly start: Carried;
  readonly lengths: Value | undefined;
  readonly backwards: boolean;
}

function walked(
  node: OnnxNode,
  { step }: Kind,
  direction: Direction,
  { all, start, lengths, backwards }: Walk,
): { readonly outputs: Value[]; readonly carried: Carried } {
  const [steps, batch, rows] = all.shape;
  const outputs: Value[] = [];
  let carried = start;
  for (let i = 0; i < steps; i++) {
    const t = backwards ? steps - 1 - i : i;
    const next = step(node, direction, reshape(slice(all, [[t, t + 1]]), [batch, rows]), carried);
    if (lengths === undefined) {
      carried = next;
      outputs[t] = next[0];
    } else {
      const goesOn = f.gt(lengths, t);
      carried = next.map((value, k) => f.where(goesOn, value, carried[k]));
      outputs[t] = f.where(goesOn, next[0], 0);
    }
  }
  return { outputs, carried };
}

const lstm: Kind = {
  gates: 4,
  activations: ["Sigmoid", "Tanh", "Tanh"],
  initial: [5, 6],
  step(node, { recurrence, stateBias, peepholes, activations: [gate, candidate, output], limited }, x, [h, c]) {
    const sums = withBias(f.add(x, matmul(h, recurrence, { transB: true })), stateBias);
    const [i, o, forget, cell] = parts(sums, 4);
    const [seenI, seenO, seenF] = peepholes === undefined ? [] : parts(peepholes, 3);
    const open = (sum: Value, seen: Value | undefined, state: Value): Value =>
      gate(limited(seen === undefined ? sum : f.add(sum, f.mul(seen, state))));
    const input = open(i, seenI, c);
    const kept = node.int("input_forget", 0) === 0 ? open(forget, seenF, c) : f.sub(1, input);
    const state = f.add(f.mul(kept, c), f.mul(input, candidate(limited(cell))));
    return [f.mul(open(o, seenO, state), output(state)), state];
  },
};

const gru: Kind = {
  gates: 3,
  activations: ["Sigmoid", "Tanh"],
  initial: [5],
  step(node, { recurrence, stateBias, activations: [gate, candidate], limited }, x, [h]) {
    const size = h.shape[1];
    const [xz, xr, xh] = parts(x, 3);
    const weights = (from: number, to: number): Value => slice(recurrence, [[from * size, to * size]]);
    const bias = (from: number, to: number): Value | undefined =>
      stateBias && slice(stateBias, [[from * size, to * size]]);
    const [hz, hr] = parts(withBias(matmul(h, weights(0, 2), { transB: true }), bias(0, 2)), 2);
    const [update, reset] = [gate(limited(f.add(xz, hz))), gate(limited(f.add(xr, hr)))];
    const recurrentPart = (state: Value): Value => withBias(matmul(state, weights(2, 3), { transB: true }), bias(2, 3));
    const seen =
      node.int("linear_before_reset", 0) === 0 ? recurrentPart(f.mul(reset, h)) : f.mul(reset, recurrentPart(h));
    const next = candidate(limited(f.add(xh, seen)));
    return [f.add(f.mul(f.sub(1, update), next), f.mul(update, h))];
  },
};

const rnn: Kind = {
  gates: 1,
  activations: ["Tanh"],
  initial: [5],
  step(_node, { recurrence, stateBias, activations: [activation], limited }, x, [h]) {
    return [activation(limited(withBias(f.add(x, matmul(h, recurrence, { transB: true })), stateBias)))];
  },
};

export const recurrentOperators: Operators = { LSTM: recurrent(lstm), GRU: recurrent(gru), RNN: recurrent(rnn) };
