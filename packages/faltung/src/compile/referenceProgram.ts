/** A program run by the reference loops: slow, obviously right, and everywhere. */
import type { State } from "../ops/op.ts";
import { FaltungError } from "../tensor/errors.ts";
import { BYTES, type TensorType, sizeOf } from "../tensor/shape.ts";
import { Tensor, type TensorData } from "../tensor/tensor.ts";
import { type ReferencePrecision, evaluate } from "./evaluate.ts";
import { statesOf } from "./entries.ts";
import {
  type Entries,
  IdleStates,
  type MemoryReport,
  type MemoryUse,
  type Program,
  USE_OF_ROLE,
  copyInto,
  copyOf,
  emptyReport,
  nameOf,
  named,
} from "./program.ts";
import type { Graph } from "./trace.ts";

export function referenceProgram(
  graphs: ReadonlyMap<string, Graph>,
  precision: ReferencePrecision,
  notes: readonly string[],
): Program<Entries> {
  const entries = new Map(
    [...graphs].map(([name, graph]) => {
      const tensors = (types: readonly (readonly [string, TensorType])[]): Map<string, Tensor> =>
        new Map(types.map(([key, { shape, dtype }]) => [key, Tensor.zeros(shape, dtype)]));
      const inputs = tensors(graph.inputs.map((leaf) => [leaf.attrs.name, leaf]));
      return [name, { graph, inputs, outputs: tensors(Object.entries(graph.outputs)) }] as const;
    }),
  );
  const states = new Map<State, Tensor>();
  for (const graph of graphs.values()) {
    for (const state of statesOf(graph)) states.set(state, copyOf(state.attrs.initial));
  }
  let closed = false;
  const entryOf = (name: string): ReturnType<typeof entries.get> & object => named(entries, name, "entry");
  const execute = (name: string, inputs: Readonly<Record<string, Tensor | undefined>>): ReadonlyMap<string, Tensor> => {
    if (closed) throw new FaltungError("platform", `${name}: the program was closed.`);
    const entry = entryOf(name);
    for (const [key, tensor] of Object.entries(inputs)) {
      const target = named(entry.inputs, key, `input of ${name}`);
      if (tensor !== undefined) copyInto(target.data, target, tensor, `${name}: input ${key}`);
    }
    const { outputs, updates } = evaluate(entry.graph, Object.fromEntries(entry.inputs), states, precision);
    for (const [key, tensor] of Object.entries(outputs)) named(entry.outputs, key, "output").data.set(tensor.data);
    for (const [state, tensor] of updates) states.set(state, copyOf(tensor));
    return entry.outputs;
  };
  const idle = new IdleStates();
  return {
    backend: "reference",
    threads: 1,
    notes,
    choices: {},
    memory: reportOf([...entries.values()], [...states.keys()]),
    states: [...states.keys()],
    run: (name: string, inputs: Readonly<Record<string, Tensor | undefined>> = {}): Record<string, Tensor> =>
      Object.fromEntries([...execute(name, inputs)].map(([key, tensor]) => [key, copyOf(tensor)])),
    step: (name: string, inputs: Readonly<Record<string, Tensor | undefined>> = {}): void => void execute(name, inputs),
    input: (name: string, key: string): TensorData => named(entryOf(name).inputs, key, `input of ${name}`).data,
    output: (name: string, key: string): TensorData => named(entryOf(name).outputs, key, `output of ${name}`).data,
    read: (state: State): Tensor => (states.has(state) ? copyOf(states.get(state) as Tensor) : idle.read(state)),
    write(state: State, tensor: Tensor): void {
      const target = states.get(state);
      if (target === undefined) idle.write(state, tensor);
      else copyInto(target.data, target, tensor, nameOf(state));
    },
    explain: (name: string): string => `${name}: reference loops, ${precision}`,
    close: (): void => void (closed = true),
  };
}

type Tensors = ReadonlyMap<string, TensorType>;

/** The loops allocate as they go: what is known is what lasts. */
function reportOf(entries: readonly { inputs: Tensors; outputs: Tensors }[], states: readonly State[]): MemoryReport {
  const report = emptyReport();
  const add = (use: MemoryUse, { shape, dtype }: TensorType): void => {
    const bytes = sizeOf(shape) * BYTES[dtype];
    report[use] += bytes;
    report.total += bytes;
  };
  for (const state of states) add(USE_OF_ROLE[state.attrs.role], state);
  for (const { inputs, outputs } of entries) {
    for (const type of inputs.values()) add("inputs", type);
    for (const type of outputs.values()) add("outputs", type);
  }
  return report;
}
