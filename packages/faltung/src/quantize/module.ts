/** A quantised network: a module whose `forward` computes in bytes, with float32 at both ends. */
import { Module, buffer } from "../nn/module.ts";
import { concatOp } from "../ops/shape/concat.op.ts";
import type { ConvAttributes } from "../ops/conv/attributes.ts";
import { convOp } from "../ops/conv/conv2d.op.ts";
import { type State, type Value, apply, describe, isState } from "../ops/op.ts";
import { maxPoolOp } from "../ops/pool/maxPool.op.ts";
import type { PoolWindow } from "../ops/pool/window.ts";
import { maxPoolBytes } from "../ops/quant/maxPoolBytes.op.ts";
import {
  type Quantization,
  dequantizeValues,
  quantizeValues,
  quantizedConv,
  quantizedLinear,
} from "../ops/quant/quantize.op.ts";
import { reshape } from "../ops/shape/shape.ts";
import { ShapeError } from "../tensor/errors.ts";
import { type Shape, sameShape, show } from "../tensor/shape.ts";
import { type FloatGraph, floatGraph, originOf, passes } from "./graph.ts";
import { type LayerWeights, quantizeLayer } from "./weights.ts";

interface Layer {
  readonly name: string;
  readonly weight: State;
  readonly bias: State;
  readonly scale: State;
  readonly bound: number;
}

/**
 * Made by {@link quantize}. Its weights (signed bytes), biases (int32) and scales are buffers; it cannot be trained. It runs,
 * compiles, evaluates and exports like any module, for pictures of the size that it was calibrated with.
 */
export class QuantizedModule extends Module {
  readonly #model: Module;
  /** Of one picture. */
  readonly #picture: Shape;
  /** By place in the order of values. */
  readonly #ranges: ReadonlyMap<number, Quantization>;
  readonly #layers: ReadonlyMap<number, Layer>;

  /** @param ranges how the stored values of `graph` are quantised, by their place in its order */
  constructor(model: Module, graph: FloatGraph, ranges: ReadonlyMap<number, Quantization>) {
    super();
    this.#model = model;
    this.#picture = graph.input.shape.slice(1);
    this.#ranges = ranges;
    this.training = false;
    const place = new Map(graph.order.map((value, i) => [value, i]));
    const keys = new Map<Value, string>(Array.from(model.namedStates(), ([key, state]) => [state, key]));
    this.#layers = new Map(
      [...graph.layers]
        .sort(([a], [b]) => a.id - b.id)
        .map(([end, chain], i) => {
          const range = ranges.get(place.get(originOf(chain.base.inputs[0])) ?? -1);
          const weight = graph.known(chain.base.inputs[1]);
          if (range === undefined || weight === undefined) throw new ShapeError("quantize: a layer has no range.");
          const [, source] = chain.base.inputs;
          const key = isState(source) ? keys.get(source)?.replace(/\.?weight$/, "") : undefined;
          return [place.get(end) ?? -1, states(key ?? `layer${i}`, quantizeLayer(chain, weight, range))];
        }),
    );
  }

  override *ownStates(): IterableIterator<[key: string, state: State]> {
    for (const { name, weight, bias, scale } of this.#layers.values()) {
      const prefix = name === "" ? "" : `${name}.`;
      yield [`${prefix}weight`, weight];
      yield [`${prefix}bias`, bias];
      yield [`${prefix}scale`, scale];
    }
  }

  /** Always in evaluation mode. */
  override train(): this {
    return this;
  }

  /** @throws ShapeError if x is not [any number of pictures, …the size that was calibrated] */
  forward(x: Value): Value {
    if (x.dtype !== "float32" || !sameShape(x.shape.slice(1), this.#picture)) {
      throw new ShapeError(
        `QuantizedModule: x is ${describe(x)}; it was calibrated for float32 [N, ${show(this.#picture).slice(1)}. ` +
          "Quantise the network again for another size.",
      );
    }
    this.#model.eval();
    const graph = floatGraph(this.#model, x.shape);
    return integerForm(graph, x, this.#ranges, this.#layers);
  }
}

function states(name: string, { weight, bias, scale, bound }: LayerWeights): Layer {
  return {
    name,
    weight: buffer(weight, `${name}.weight`),
    bias: buffer(bias, `${name}.bias`),
    scale: buffer(scale, `${name}.scale`),
    bound,
  };
}

/** The graph's output, computed from x in bytes where they are stored. */
function integerForm(
  { input, output, order, known, layers, stored }: FloatGraph,
  x: Value,
  ranges: ReadonlyMap<number, Quantization>,
  weights: ReadonlyMap<number, Layer>,
): Value {
  const place = new Map(order.map((value, i) => [value, i]));
  const find = <T>(map: ReadonlyMap<number, T>, value: Value): T => {
    const item = map.get(place.get(value) ?? -1);
    if (item === undefined) {
      throw new ShapeError(
        "QuantizedModule: the network is another one for this batch size, which cannot be quantised.",
      );
    }
    return item;
  };
  const rangeOf = (value: Value): Quantization => find(ranges, originOf(value));
  const asBytes = memo((value: Value): Value => {
    const q = rangeOf(value);
    if (value.op.name === maxPoolOp.name) return maxPoolBytes(asBytes(value.inputs[0]), value.attrs as PoolWindow);
    if (passes(value)) return apply(value.op, [asBytes(value.inputs[0])], value.attrs);
    if (value.op.name !== concatOp.name) return quantizeValues(computed(value), q);
    const parts = value.inputs.map((part) => quantizeValues(asFloats(part), q));
    return apply(value.op, parts, value.attrs);
  });
  const asFloats = memo((value: Value): Value => {
    if (known(value) !== undefined) return value;
    return stored.has(value) ? dequantizeValues(asBytes(value), rangeOf(value)) : computed(value);
  });
  const computed = memo((value: Value): Value => {
    if (value === input) return x;
    const chain = layers.get(value);
    if (chain === undefined) return apply(value.op, value.inputs.map(asFloats), value.attrs);
    const { base } = chain;
    const { bound, ...operands } = find(weights, value);
    const q = rangeOf(base.inputs[0]);
    const bytes = asBytes(base.inputs[0]);
    const y =
      base.op.name === convOp.name
        ? quantizedConv(bytes, operands, { ...(base.attrs as ConvAttributes), ...q, bound })
        : quantizedLinear(bytes, operands, { ...q, bound });
    return sameShape(y.shape, value.shape) ? y : reshape(y, value.shape);
  });
  return computed(output);
}

function memo(of: (value: Value) => Value): (value: Value) => Value {
  const made = new Map<Value, Value>();
  return (value) => {
    let result = made.get(value);
    if (result === undefined) made.set(value, (result = of(value)));
    return result;
  };
}
