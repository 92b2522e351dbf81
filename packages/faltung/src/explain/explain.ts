/** One question, one answer: what layers make of a picture, and what a decision rests on. See {@link inspect} for many. */
import type { Module } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type InspectOptions, type InspectedLayer, type Inspector, inspect } from "./inspect.ts";

/** A layer with its output. */
export interface FeatureMap extends InspectedLayer {
  readonly output: Tensor;
}

async function ask<T>(
  model: Module,
  x: Tensor,
  options: InspectOptions,
  question: (inspector: Inspector) => T,
): Promise<T> {
  const inspector = await inspect(model, x.shape, options);
  try {
    return question(inspector);
  } finally {
    inspector.close();
  }
}

/**
 * What every layer makes of a picture, in order of running, in evaluation mode.
 *
 * @param x `[N, C, H, W]`, normalised as the model was trained
 * @throws ShapeError if the model does not take such an input
 *
 * @example
 * ```ts
 * const maps = await featureMaps(lenet5(), Tensor.zeros([1, 1, 28, 28]));
 * maps[0].output.shape; // [1, 6, 28, 28]
 * ```
 */
export function featureMaps(model: Module, x: Tensor, options: InspectOptions = {}): Promise<readonly FeatureMap[]> {
  return ask(model, x, options, ({ layers, look }) => {
    const { maps } = look(x);
    return layers.map((layer, i) => ({ ...layer, output: maps[i] }));
  });
}

/**
 * The gradient of a class's logit by the input: which pixels would change the decision (Simonyan et al. 2013).
 *
 * @param target the class
 * @returns of x's shape; the paper shows its absolute value, the largest of the channels
 * @throws OptionError if there is no such class
 *
 * @example
 * ```ts
 * (await saliency(lenet5(), Tensor.zeros([1, 1, 28, 28]), 7)).shape; // [1, 1, 28, 28]
 * ```
 */
export function saliency(model: Module, x: Tensor, target: number, options: InspectOptions = {}): Promise<Tensor> {
  return ask(model, x, options, (inspector) => inspector.explain(x, target).saliency);
}

/**
 * Grad-CAM (Selvaraju et al. 2017): where a layer sees the class. Coarse, as the layer's map is; zero or more.
 *
 * @param target the class
 * @param options.layer the layer's name; the last that makes a map of more than one cell unless given
 * @returns `[N, H, W]` of that layer
 * @throws OptionError if there is no such class or layer, or no layer makes a map
 *
 * @example
 * ```ts
 * (await gradCam(lenet5(), Tensor.zeros([1, 1, 28, 28]), 7)).shape; // [1, 5, 5]
 * ```
 */
export function gradCam(model: Module, x: Tensor, target: number, options: InspectOptions = {}): Promise<Tensor> {
  return ask(model, x, options, (inspector) => {
    const { cam } = inspector.explain(x, target);
    if (cam === null) throw new OptionError("gradCam: no layer of this model makes a feature map.");
    return cam;
  });
}
