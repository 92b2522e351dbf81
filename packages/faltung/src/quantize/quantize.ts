/**
 * Post-training quantisation: a trained network, some of its inputs, and out comes one that computes in whole numbers.
 * Weights are signed bytes with a scale for each output channel, activations bytes with one scale, found by running the
 * network on the given inputs. Sums are exact, so results are the same on every engine and number of threads.
 * Source: Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference", 2018, arXiv:1806.08342
 */
import { type CompileOptions, compile } from "../compile/compile.ts";
import type { Module } from "../nn/module.ts";
import type { Quantization } from "../ops/quant/quantize.op.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { show, sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type FloatGraph, floatGraph, passes } from "./graph.ts";
import { QuantizedModule } from "./module.ts";
import {
  type Observation,
  type RangeMethod,
  observation,
  observeCounts,
  observeRange,
  quantizationOf,
} from "./range.ts";
import { rewrite } from "../compile/graph.ts";

export interface QuantizeOptions extends Pick<CompileOptions, "threads"> {
  /** How ranges are found: "mse" unless said. */
  readonly range?: RangeMethod;
  /**
   * Bits of an activation: 7 (the default) lets engines with relaxed SIMD use their dot product of bytes; 8 is
   * a little more accurate.
   */
  readonly bits?: 7 | 8;
  /** Inputs that are run at a time (32). */
  readonly batch?: number;
}

/**
 * A quantised copy of a network, which is put into evaluation mode and not changed.
 *
 * @param model trained; with fixed batch size or not. Its weights are read now: training it further changes nothing.
 * @param calibration inputs as `forward` takes them, [N, …]: a hundred or so of the data that it was trained on.
 * @throws OptionError if there is nothing to quantise, or no input
 *
 * @example
 * ```ts
 * const net = small(1, 10);
 * const q = await quantize(net, Tensor.zeros([4, 1, 28, 28]));
 * const run = await compile(({ x }) => ({ y: q.forward(x) }), { x: [1, 1, 28, 28] });
 * run({ x: Tensor.zeros([1, 1, 28, 28]) }).y.shape; // [1, 10]
 * run.program.close();
 * ```
 */
export async function quantize(
  model: Module,
  calibration: Tensor,
  options: QuantizeOptions = {},
): Promise<QuantizedModule> {
  const { range = "mse", bits = 7, batch = 32 } = options;
  const [count = 0, ...picture] = calibration.shape;
  if (bits !== 7 && bits !== 8) throw new OptionError(`quantize: bits is ${String(bits)}; it is 7 or 8.`);
  if (count === 0 || calibration.dtype !== "float32") {
    throw new ShapeError(
      `quantize: calibration is ${calibration.dtype} ${show(calibration.shape)}; give float32 inputs [N, …], as many as you can spare.`,
    );
  }
  model.eval();
  const size = Math.min(batch, count);
  const graph = floatGraph(model, [size, ...picture]);
  const seen = await observe(graph, batchesOf(calibration, size), options.threads);
  const top = 2 ** bits - 1;
  const ranges = new Map<number, Quantization>();
  for (const [place, o] of seen) ranges.set(place, quantizationOf(o, top, range));
  return new QuantizedModule(model, graph, ranges);
}

/** The inputs in batches of one size; the last one overlaps the one before it if need be. */
function batchesOf({ data, shape }: Tensor, size: number): Tensor[] {
  const [count, ...picture] = shape;
  const each = sizeOf(picture);
  return Array.from({ length: Math.ceil(count / size) }, (_, b) => {
    const first = Math.min(b * size, count - size);
    return new Tensor(data.subarray(first * each, (first + size) * each), [size, ...picture]);
  });
}

/** Runs the network in float32 and notes what the values to be stored hold: first their range, then how often what. */
async function observe(
  graph: FloatGraph,
  batches: readonly Tensor[],
  threads: number | undefined,
): Promise<Map<number, Observation>> {
  const places = graph.order.flatMap((value, i) => (graph.stored.has(value) && !passes(value) ? [i] : []));
  const seen = new Map(places.map((place) => [place, observation()]));
  const x = { x: { shape: graph.input.shape, dtype: graph.input.dtype } };
  const run = await compile(
    (inputs) => {
      // The graph was made on an input of its own: here it hangs on the program's.
      const values = places.map((place) => graph.order[place]);
      const moved = rewrite(values, (value) => (value === graph.input ? inputs.x : undefined));
      return Object.fromEntries(places.map((place, i) => [`v${place}`, moved[i]]));
    },
    x,
    threads === undefined ? {} : { threads },
  );
  for (const look of [observeRange, observeCounts]) {
    for (const batch of batches) {
      const outputs = run({ x: batch });
      for (const [place, o] of seen) look(o, outputs[`v${place}`].data);
    }
  }
  run.program.close();
  return seen;
}
