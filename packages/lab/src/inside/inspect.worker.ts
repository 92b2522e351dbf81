/** Looks inside models, off the page. One compiled inspector is kept for the architecture that was asked for last. */
import {
  Conv2d,
  type Inspector,
  type Module,
  Tensor,
  type LayerField,
  inspect,
  layerFields,
  mostActivating,
} from "faltung";
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

interface Prepared {
  readonly key: string;
  readonly module: Module;
  readonly inspector: Inspector;
  readonly fields: readonly LayerField[];
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
  const module = richModel(model);
  const shape = [1, ...model.shape];
  const inspector = await inspect(module, shape, { layer });
  prepared = { key, module, inspector, fields: layerFields(module, shape) };
  return prepared;
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

const floats = ({ data }: Tensor): Float32Array => Float32Array.from(data);
const only = (v: unknown): number =>
  typeof v === "number" ? v : Array.isArray(v) && typeof v[0] === "number" ? v[0] : 0;

async function look({ id, model, picture, target, layer }: InspectRequest): Promise<Inspection> {
  const { module, inspector, fields } = await prepare(model, layer);
  const input = normalised(picture, model);
  const x = new Tensor(input, [1, ...model.shape]);
  const { output, maps } = inspector.look(x);
  const probabilities = softmax(output.data);
  const chosen = target ?? probabilities.indexOf(Math.max(...probabilities));
  const { saliency, cam } = inspector.explain(x, chosen);
  const modules = new Map(module.namedModules());
  return {
    id,
    input,
    probabilities,
    target: chosen,
    maps: inspector.layers.map(({ name, type, shape }, i): InspectedMap => {
      const made = modules.get(name);
      const conv =
        made instanceof Conv2d
          ? {
              weight: floats(made.weight.attrs.initial),
              weightShape: made.weight.shape,
              bias: made.bias === null ? null : floats(made.bias.attrs.initial),
              stride: only(made.options.stride) || 1,
              padding: only(made.options.padding),
              groups: made.options.groups ?? 1,
            }
          : undefined;
      return { name, type, shape, data: floats(maps[i]), conv, field: fields[i].fields };
    }),
    saliency: floats(saliency),
    cam: { layer: inspector.layer.name, rows: cam.shape[1], cols: cam.shape[2], data: floats(cam) },
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
