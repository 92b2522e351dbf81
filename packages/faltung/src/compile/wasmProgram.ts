/** A program in WebAssembly: the planned arena behind the interface of {@link Program}. */
import { type Crew, type WasmInstance, instantiate } from "../backend/wasm/instance.ts";
import type { State } from "../ops/op.ts";
import type { Tensor, TensorData } from "../tensor/tensor.ts";
import { type DType, sizeOf } from "../tensor/shape.ts";
import { explainJobs } from "./explain.ts";
import type { Place, PlannedEntry, ProgramPlan } from "./plan.ts";
import { type Choices, type Entries, IdleStates, type Program, copyInto, copyOf, nameOf, named } from "./program.ts";

type View = Place & { readonly data: TensorData };

interface LiveEntry extends PlannedEntry {
  readonly views: { readonly inputs: ReadonlyMap<string, View>; readonly outputs: ReadonlyMap<string, View> };
  /** When its preparation last ran, on the program's clock. */
  preparedAt: number;
}

export async function wasmProgram(
  planned: ProgramPlan,
  crew: Crew,
  notes: readonly string[],
  choices: Choices = {},
): Promise<Program<Entries>> {
  const instance = await instantiate(planned.plan, crew);
  const { memory } = instance;
  const viewOf = (place: Place): View => ({ ...place, data: arrayAt(memory, place.dtype, place.address, place.shape) });
  const views = (places: ReadonlyMap<string, Place>): Map<string, View> =>
    new Map([...places].map(([name, place]) => [name, viewOf(place)]));

  const states = new Map([...planned.states].map(([state, place]) => [state, viewOf(place)]));
  for (const [state, { data }] of states) data.set(state.attrs.initial.data);
  for (const [{ data, dtype, shape }, address] of planned.constants) arrayAt(memory, dtype, address, shape).set(data);
  const entries = new Map(
    planned.entries.map((entry): [string, LiveEntry] => [
      entry.name,
      { ...entry, views: { inputs: views(entry.inputs), outputs: views(entry.outputs) }, preparedAt: -1 },
    ]),
  );

  // A preparation is stale when a state that it reads was written after it ran.
  let clock = 0;
  const writtenAt = new Map<State, number>([...states.keys()].map((state) => [state, 0]));
  const touch = (written: Iterable<State>): void => {
    clock++;
    for (const state of written) writtenAt.set(state, clock);
  };
  const prepare = (entry: LiveEntry): void => {
    if (entry.preparation < 0) return;
    const stale = entry.preparedAt < 0 || [...entry.prepares].some((s) => (writtenAt.get(s) ?? 0) > entry.preparedAt);
    if (!stale) return;
    instance.run(entry.preparation);
    entry.preparedAt = clock;
  };
  const entryOf = (name: string): LiveEntry => named(entries, name, "entry");
  const execute = (name: string, inputs: Readonly<Record<string, Tensor | undefined>>): LiveEntry => {
    const entry = entryOf(name);
    for (const [key, tensor] of Object.entries(inputs)) {
      const view = named(entry.views.inputs, key, `input of ${name}`);
      if (tensor !== undefined) copyInto(view.data, view, tensor, `${name}: input ${key}`);
    }
    prepare(entry);
    instance.run(entry.job);
    if (entry.updates.size > 0) touch(entry.updates);
    return entry;
  };

  const idle = new IdleStates();
  return {
    backend: "wasm",
    threads: planned.plan.threads,
    notes,
    choices,
    memory: planned.memory,
    states: [...states.keys()],
    run(name: string, inputs: Readonly<Record<string, Tensor | undefined>> = {}): Record<string, Tensor> {
      const { outputs } = execute(name, inputs).views;
      const copies = [...outputs].map(([key, { data, shape }]) => [key, copyOf({ data, shape })]);
      return Object.fromEntries(copies) as Record<string, Tensor>;
    },
    step: (name: string, inputs: Readonly<Record<string, Tensor | undefined>> = {}): void => void execute(name, inputs),
    input: (name: string, key: string): TensorData => named(entryOf(name).views.inputs, key, `input of ${name}`).data,
    output: (name: string, key: string): TensorData =>
      named(entryOf(name).views.outputs, key, `output of ${name}`).data,
    read(state: State): Tensor {
      const view = states.get(state);
      return view === undefined ? idle.read(state) : copyOf(view);
    },
    write(state: State, tensor: Tensor): void {
      const view = states.get(state);
      if (view === undefined) return idle.write(state, tensor);
      copyInto(view.data, view, tensor, nameOf(state));
      touch([state]);
    },
    explain: (name: string): string => explainEntry(entryOf(name), planned, instance),
    close: (): void => instance.close(),
  };
}

function explainEntry(entry: PlannedEntry, planned: ProgramPlan, instance: WasmInstance): string {
  const jobs = [entry.preparation, entry.job].filter((job) => job >= 0);
  return explainJobs(
    jobs.map((job) => ({ name: planned.plan.jobs[job].name, steps: instance.steps[job], notes: planned.notes[job] })),
    planned.plan.threads,
    instance.moduleBytes,
  );
}

function arrayAt({ buffer }: WebAssembly.Memory, dtype: DType, address: number, shape: readonly number[]): TensorData {
  const size = sizeOf(shape);
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer, address, size);
    case "int32":
      return new Int32Array(buffer, address, size);
    case "uint8":
      return new Uint8Array(buffer, address, size);
  }
}
