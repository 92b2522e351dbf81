/** Models and states between the library's classes and plain data. */
import { type Module, Tensor, type TrainingState, build } from "faltung";
import type { PlainModel, PlainState, PlainTensor } from "./messages.ts";

export function plainTensors(tensors: Readonly<Record<string, Tensor>>): Record<string, PlainTensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { data, shape }]) => [name, { data: data.slice(), shape: [...shape] }]),
  );
}

export function richTensors(tensors: Readonly<Record<string, PlainTensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data, shape }]) => [name, new Tensor(data, shape)]));
}

export function plainModel(module: Module, rest: Omit<PlainModel, "spec" | "tensors">): PlainModel {
  return { spec: module.spec(), tensors: plainTensors(module.stateDict()), ...rest };
}

/** The model with its weights. @throws FormatError, ShapeError if they do not belong together */
export function richModel({ spec, tensors }: PlainModel): Module {
  const module = build(spec);
  module.loadStateDict(richTensors(tensors));
  return module;
}

export const plainState = ({ tensors, progress, schedule, recipe }: TrainingState): PlainState => ({
  tensors: plainTensors(tensors),
  progress,
  schedule: { ...schedule },
  recipe: { ...recipe },
});

export const richState = ({ tensors, ...rest }: PlainState): TrainingState => ({
  ...rest,
  tensors: richTensors(tensors),
});

/** The weights of a run's state as a model's. */
export function modelOfState(model: Omit<PlainModel, "tensors">, state: PlainState): PlainModel {
  const own = Object.entries(state.tensors).filter(([key]) => key.startsWith("model."));
  return { ...model, tensors: Object.fromEntries(own.map(([key, t]) => [key.slice("model.".length), t])) };
}
