/**
 * A compiled model with a view inside: every layer's output, and the gradients that say what a decision rests on.
 * Sources: Simonyan, Vedaldi & Zisserman 2013 (saliency); Selvaraju et al. 2017 (Grad-CAM).
 */
import { type CompileOptions, compile } from "../compile/compile.ts";
import { grad } from "../compile/differentiate.ts";
import { trace } from "../compile/trace.ts";
import { type Module, type ModulePart, recordLayers } from "../nn/index.ts";
import { mul, relu } from "../ops/elementwise/elementwise.ts";
import type { Value } from "../ops/op.ts";
import { mean, sum } from "../ops/reduce/reduce.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { type Shape, show } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";

export interface InspectOptions extends CompileOptions {
  /**
   * The layer that Grad-CAM looks at, by name. Unless given, the last one whose output is a feature map of more than
   * one cell, which is what the paper recommends.
   */
  readonly layer?: string;
}

/** A layer (a module without modules below) and what it makes. */
export interface InspectedLayer {
  readonly name: string;
  readonly type: string;
  readonly shape: Shape;
}

/** What a model makes of a picture. */
export interface Look {
  /** The model's output, `[N, classes]` for a classifier. */
  readonly output: Tensor;
  /** What went into every layer, in the order of {@link Inspector.layers}: not always what the layer before made. */
  readonly inputs: readonly Tensor[];
  /** Every layer's output, in the same order. */
  readonly maps: readonly Tensor[];
}

/** What a decision rests on. */
export interface Explanation {
  /** d(logit of the class)/d(input), of the input's shape. */
  readonly saliency: Tensor;
  /**
   * relu(Σ over channels of the mean gradient × the map), `[N, H, W]` of the layer looked at: where the class is seen.
   * null if no layer of the model makes a map.
   */
  readonly cam: Tensor | null;
}

export interface Inspector {
  readonly layers: readonly InspectedLayer[];
  /** The layer that {@link explain}'s `cam` is about; null if none makes a map. */
  readonly layer: InspectedLayer | null;
  /** @throws ShapeError if x has not the shape that the inspector was made for */
  look(x: Tensor): Look;
  /** @param target the class of every picture. @throws OptionError if there is no such class */
  explain(x: Tensor, target: number): Explanation;
  /** Takes up the weights that the model has now. */
  refresh(): void;
  close(): void;
}

/**
 * Compiles a model, in evaluation mode, so that one can look inside again and again.
 *
 * @param inputShape with the batch: `[1, 1, 28, 28]`. The model's own input: normalised, float32.
 * @throws ShapeError if the model does not take such an input; OptionError if there is no such layer
 *
 * @example
 * ```ts
 * const inspector = await inspect(lenet5(), [1, 1, 28, 28]);
 * inspector.layers[0]; // { name: "0", type: "Conv2d", shape: [1, 6, 28, 28] }
 * const { output, maps } = inspector.look(Tensor.zeros([1, 1, 28, 28]));
 * inspector.explain(Tensor.zeros([1, 1, 28, 28]), 3).saliency.shape; // [1, 1, 28, 28]
 * inspector.close();
 * ```
 */
export async function inspect(model: Module, inputShape: Shape, options: InspectOptions = {}): Promise<Inspector> {
  const mode = model.training;
  model.eval();
  try {
    return await build(model, inputShape, options);
  } finally {
    model.train(mode);
  }
}

async function build(model: Module, inputShape: Shape, options: InspectOptions): Promise<Inspector> {
  const x = { shape: inputShape, dtype: "float32" } as const;
  let parts: readonly ModulePart[] = [];
  const { outputs } = trace(
    (inputs: Readonly<Record<"x", Value>>) => {
      const recorded = recordLayers(model, inputs.x);
      parts = recorded.layers;
      return { y: recorded.output };
    },
    { x },
  );
  const classes = outputs.y.shape;
  const layers = parts.map(({ name, type, output }) => ({ name, type, shape: output.shape }));
  const watched = chooseLayer(layers, options.layer);
  /** Where each layer's input is found among the results of `look`. */
  let sources: readonly string[] = [];
  const program = await compile(
    {
      look: {
        inputs: { x },
        fn: (inputs) => {
          const { output, layers: all } = recordLayers(model, inputs["x"]);
          const named: Record<string, Value> = { output };
          all.forEach((call, i) => (named[`map${i}`] = call.output));
          // A layer's input is mostly another's output, which is there already; the others are made besides.
          const names = new Map(Object.entries(named).map(([name, value]) => [value, name]));
          sources = all.map(({ input }, i) => {
            if (input === inputs["x"]) return "x";
            const name = names.get(input) ?? `in${i}`;
            named[name] = input;
            return name;
          });
          return named;
        },
      },
      explain: {
        inputs: { x, seed: { shape: classes, dtype: "float32" } },
        fn: (inputs) => {
          const { output, layers: all } = recordLayers(model, inputs["x"]);
          const map = watched === undefined ? undefined : all[watched].output;
          const [saliency, slope] = grad(output, map ? [inputs["x"], map] : [inputs["x"]], inputs["seed"]);
          const made: Record<string, Value> = { saliency };
          if (map !== undefined) {
            const places = map.shape.slice(2).map((_, d) => d + 2);
            made["cam"] = relu(sum(mul(mean(slope, places, true), map), [1]));
          }
          return made;
        },
      },
    },
    { threads: 1, ...options },
  );
  const check = (given: Tensor): void => {
    if (given.shape.join() !== inputShape.join()) {
      throw new ShapeError(`inspect: x is ${show(given.shape)}; the inspector was made for ${show(inputShape)}.`);
    }
  };
  return {
    layers,
    layer: watched === undefined ? null : layers[watched],
    look(given) {
      check(given);
      const made: Readonly<Record<string, Tensor>> = program.run("look", { x: given });
      return {
        output: made["output"],
        inputs: sources.map((name) => (name === "x" ? given : made[name])),
        maps: layers.map((_, i) => made[`map${i}`]),
      };
    },
    explain(given, target) {
      check(given);
      const count = classes[classes.length - 1];
      if (!Number.isInteger(target) || target < 0 || target >= count) {
        throw new OptionError(`inspect: there is no class ${target}; there are 0 to ${count - 1}.`);
      }
      const seed = Tensor.zeros(classes);
      for (let at = target; at < seed.size; at += count) seed.data[at] = 1;
      const made: Readonly<Record<string, Tensor>> = program.run("explain", { x: given, seed });
      return { saliency: made["saliency"], cam: watched === undefined ? null : made["cam"] };
    },
    refresh() {
      for (const s of program.states) program.write(s, s.attrs.initial);
    },
    close: () => program.close(),
  };
}

/** @returns undefined if none is asked for, and none makes a map */
function chooseLayer(layers: readonly InspectedLayer[], name: string | undefined): number | undefined {
  if (name === undefined) {
    const last = layers.findLastIndex(({ shape }) => shape.length === 4 && shape[2] * shape[3] > 1);
    return last < 0 ? undefined : last;
  }
  const found = layers.findIndex((l) => l.name === name);
  if (found >= 0 && layers[found].shape.length >= 3) return found;
  const maps = layers.filter((l) => l.shape.length >= 3).map((l) => l.name);
  throw new OptionError(`inspect: no layer ${name} makes a feature map; those that do: ${maps.join(", ") || "none"}.`);
}
