/** Looks inside models, off the page. One compiled inspector is kept for the architecture that was asked for last. */
import { Conv2d, type Inspector, Linear, type Module, Tensor, inspect, layerFields, mostActivating } from "faltung";
import { type ConvGeometry, normaliseConv } from "faltung/conv";
import type { PlainModel } from "../train/messages.ts";
import { richModel, richTensors } from "../train/plain.ts";
import type {
  ActivatingAnswer,
  ActivatingRequest,
  InspectProblem,
  InspectRequest,
  InspectedMap,
  Inspection,
} from "./inspect-messages.ts";

/** What is known of a layer before any picture. */
type LayerFacts = Omit<InspectedMap, "data" | "input"> & { readonly index: number };

interface Prepared {
  readonly key: string;
  readonly module: Module;
  readonly inspector: Inspector;
  readonly layers: readonly LayerFacts[];
}

let prepared: Prepared | undefined;

async function prepare(model: PlainModel, layer: string | undefined): Promise<Prepared> {
  const key = JSON.stringify([model.spec, model.shape, layer]);
  if (prepared?.key === key) {
    prepared.module.loadStateDict(richTensors(model.tensors));
    prepared.inspector.refresh();
    return prepared;
  }
  prepared?.inspector.close();
  prepared = undefined;
  const module = richModel(model);
  const shape = [1, ...model.shape];
  const fields = layerFields(module, shape);
  // An address may name a layer that is not there, or one without maps.
  const isThere = fields.some(({ name, shape: made }) => name === layer && made.length === 4);
  const inspector = await inspect(module, shape, { layer: isThere ? layer : undefined });
  const modules = new Map(module.namedModules());
  const layers = inspector.layers.flatMap(({ name, type, shape: made }, index): LayerFacts[] => {
    const planes = planesOf(made);
    if (planes === undefined) return [];
    const geometry = geometryOf(modules.get(name));
    return [{ index, name, type, shape: planes, geometry, field: fields[index].fields }];
  });
  prepared = { key, module, inspector, layers };
  return prepared;
}

/** [C, H, W] of [1, C, H, W] or [1, features]; there are layers that make neither. */
function planesOf([, ...shape]: readonly number[]): InspectedMap["shape"] | undefined {
  if (shape.length === 1) return [shape[0], 1, 1];
  return shape.length === 3 ? [shape[0], shape[1], shape[2]] : undefined;
}

/** How a layer weighs its input; a linear one weighs single cells. */
function geometryOf(module: Module | undefined): ConvGeometry | undefined {
  if (module instanceof Conv2d) return normaliseConv(module.options, module.weight.shape.slice(2), "conv2d");
  return module instanceof Linear ? normaliseConv({}, [1, 1], "linear") : undefined;
}

/** (x / 255 − mean) / std */
function normalised(bytes: Uint8Array, { shape, statistics }: PlainModel): Float32Array {
  const plane = shape[1] * shape[2];
  return Float32Array.from(bytes, (v, i) => {
    const c = Math.floor(i / plane) % shape[0];
    return (v / 255 - statistics.mean[c]) / statistics.std[c];
  });
}

function softmax(logits: ArrayLike<number>): number[] {
  const list = Array.from(logits);
  const top = Math.max(...list);
  const powers = list.map((v) => Math.exp(v - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((v) => v / sum);
}

async function look({ id, model, picture, target, layer }: InspectRequest): Promise<Inspection> {
  const { inspector, layers } = await prepare(model, layer);
  const x = new Tensor(normalised(picture, model), [1, ...model.shape]);
  const { output, inputs, maps } = inspector.look(x);
  const probabilities = softmax(output.data);
  const chosen = target ?? probabilities.indexOf(Math.max(...probabilities));
  const { saliency, cam } = inspector.explain(x, chosen);
  // One layer's output is the next one's input: the same array travels once.
  const copies = new Map<Tensor, Float32Array>();
  const floats = (tensor: Tensor): Float32Array => {
    const copy = copies.get(tensor) ?? Float32Array.from(tensor.data);
    copies.set(tensor, copy);
    return copy;
  };
  return {
    id,
    probabilities,
    target: chosen,
    maps: layers.map(({ index, ...facts }): InspectedMap => {
      const planes = planesOf(inputs[index].shape);
      const input = facts.geometry && planes && { data: floats(inputs[index]), shape: planes };
      return { ...facts, data: floats(maps[index]), input };
    }),
    saliency: floats(saliency),
    cam:
      cam && inspector.layer
        ? { layer: inspector.layer.name, rows: cam.shape[1], cols: cam.shape[2], data: floats(cam) }
        : null,
  };
}

async function activating({
  id,
  model,
  pictures,
  activating: { layer, count },
}: ActivatingRequest): Promise<ActivatingAnswer> {
  const module = richModel(model);
  const size = model.shape.reduce((a, b) => a * b, 1);
  const x = new Tensor(normalised(pictures, model), [pictures.length / size, ...model.shape]);
  return { id, channels: await mostActivating(module, x, { layer, count }) };
}

let queue: Promise<unknown> = Promise.resolve();

async function answer(request: InspectRequest | ActivatingRequest): Promise<void> {
  try {
    postMessage("activating" in request ? await activating(request) : await look(request));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    postMessage({ id: request.id, problem } satisfies InspectProblem);
  }
}

// One after the other: they share the compiled inspector.
addEventListener("message", ({ data }: MessageEvent<InspectRequest | ActivatingRequest>) => {
  queue = queue.then(() => answer(data));
});
