/**
 * A network as one WebAssembly module that needs nothing else: the plan that `compile` would run, emitted with a memory
 * of its own and the weights inside. Its interface is in abi.ts.
 */
import { checkArena, hire, instantiate } from "../../backend/wasm/instance.ts";
import { PAGE_BYTES, emitJobs, pagesOf } from "../../backend/wasm/emit.ts";
import type { Job, Region } from "../../backend/plan.ts";
import type { Place, ProgramPlan } from "../../compile/plan.ts";
import type { EntrySpec } from "../../compile/program.ts";
import type { Module } from "../../nn/module.ts";
import type { State } from "../../ops/op.ts";
import { OptionError, checkChoice } from "../../tensor/errors.ts";
import type { Shape } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { ModuleBuilder, withCustom } from "../../wasm/index.ts";
import { ABI_VERSION, type Port, type Preprocessing, type Signature, type WeightFormat } from "./abi.ts";
import { type JobFunc, emitEntries } from "./entries.ts";
import { type Segment, compact, initial, segments, sizeOfSegments } from "./image.ts";
import { type StandalonePlan, modelEntry, planStandalone, regionOf } from "./plan.ts";
import { type Packed, type PlacedWeights, emitUnpack, pack, putPacked } from "./weights.ts";

export interface StandaloneOptions {
  /** Names of the classes, in the order of the outputs: the section `faltung.labels`. */
  readonly labels?: readonly string[];
  /** With it, the module takes pictures as bytes too, and normalises them itself. */
  readonly preprocessing?: Preprocessing;
  /** How weights of two dimensions and more are kept in the file; float32 unless said. Computing is in float32. */
  readonly weights?: WeightFormat;
  /**
   * `strict` (the default) runs on every runtime that has SIMD, with the bits of `compile`'s strict precision. `fast` is
   * Winograd's algorithms and fused multiply-add: the runtime needs relaxed SIMD, and the bits depend on the machine.
   */
  readonly precision?: "strict" | "fast";
  /** What the network's states hold: their initial tensors (the weights, after `fit` or `loadStateDict`) unless given. */
  readonly read?: (state: State) => Tensor;
}

export interface StandaloneModelOptions extends StandaloneOptions {
  /** Shape of one picture, `[channels, height, width]`. */
  readonly picture: Shape;
  /** Pictures of one run; 1 unless said. */
  readonly batch?: number;
}

/**
 * The bytes of a standalone module that runs a network in evaluation mode: input `input`, output `logits`.
 *
 * @throws OptionError for an option that does not fit; PlatformError if the network needs more than 4 GiB; NumericError
 * if weights do not fit into the format that was asked for.
 *
 * @example
 * ```ts fragment
 * const bytes = await exportStandalone(small(1, 10), { picture: [1, 28, 28], weights: "int8" });
 * const { exports } = await WebAssembly.instantiate(await WebAssembly.compile(bytes));
 * exports.run();
 * ```
 */
export function exportStandalone(model: Module, options: StandaloneModelOptions): Promise<Uint8Array<ArrayBuffer>>;
/**
 * The same for any function of values, with the inputs and outputs that it names. The first dimension of the first input
 * is the batch.
 *
 * @example
 * ```ts
 * const bytes = await exportStandalone({ fn: ({ x }) => ({ y: add(x, x) }), inputs: { x: [1, 3] } });
 * ```
 */
export function exportStandalone(entry: EntrySpec, options?: StandaloneOptions): Promise<Uint8Array<ArrayBuffer>>;
export async function exportStandalone(
  what: Module | EntrySpec,
  options: StandaloneOptions & Partial<StandaloneModelOptions> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { weights = "float32", precision = "strict", preprocessing } = options;
  checkOptions(weights, precision);
  const plans = planStandalone(entryOf(what, options), preprocessing, precision === "fast");
  checkArena(plans.planned.plan.bytes);
  const contents = await contentsOf(plans, { ...options, weights, precision });
  return emitModule(plans, contents, { weights, precision, preprocessing, labels: options.labels });
}

function entryOf(what: Module | EntrySpec, { picture, batch = 1 }: Partial<StandaloneModelOptions>): EntrySpec {
  if (!("forward" in what)) return what;
  if (picture === undefined) {
    throw new OptionError("exportStandalone: a model needs the shape of one picture, as in { picture: [3, 32, 32] }.");
  }
  return modelEntry(what, picture, batch);
}

function checkOptions(weights: string, precision: string): void {
  checkChoice("exportStandalone: weights", weights, ["float32", "float16", "int8"]);
  checkChoice("exportStandalone: precision", precision, ["strict", "fast"]);
}

/** What goes into the file. */
interface Contents {
  /** Before the first run: none where the weights are kept as the network reads them. */
  readonly prepare: readonly Job[];
  readonly packed: readonly PlacedWeights[];
  readonly pieces: readonly Segment[];
}

/** Prepared weights are kept instead of raw ones unless they are this much larger. */
const PREPARED_GROWTH = 1.25;

async function contentsOf(
  plans: StandalonePlan,
  { weights, precision, read = (state) => state.attrs.initial }: StandaloneOptions & { readonly weights: WeightFormat },
): Promise<Contents> {
  const { planned, network, prepare, normalise, main } = plans;
  const given = inputsOf(plans);
  const image = imageOf(planned, read);
  const pieces = (jobs: readonly Job[]): Segment[] =>
    segments(
      initial(jobs, given).map(({ address, bytes }) => ({ address, bytes: image.subarray(address, address + bytes) })),
    );
  const run = [...normalise, main];
  if (weights !== "float32") {
    const packed = packAll(planned, initial([...prepare, ...run], given), weights, read);
    for (const weight of packed) putPacked(image, weight);
    return { prepare, packed, pieces: pieces([...prepare, ...run]) };
  }
  const raw: Contents = { prepare, packed: [], pieces: pieces([...prepare, ...run]) };
  // What fast kernels prepare is larger, and this engine may not be able to run them.
  if (prepare.length === 0 || precision === "fast") return raw;
  const instance = await instantiate({ ...planned.plan, jobs: [planned.plan.jobs[network.preparation]] }, hire(0));
  const memory = new Uint8Array(instance.memory.buffer, 0, image.length);
  memory.set(image);
  instance.run(0);
  image.set(memory);
  const ready: Contents = { prepare: [], packed: [], pieces: pieces(run) };
  return sizeOfSegments(ready.pieces) <= PREPARED_GROWTH * sizeOfSegments(raw.pieces) ? ready : raw;
}

/** The arena as a program has it before its first run. */
function imageOf({ plan, states, constants }: ProgramPlan, read: (state: State) => Tensor): Uint8Array {
  const image = new Uint8Array(plan.bytes);
  const put = ({ data }: Tensor, address: number): void =>
    image.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), address);
  for (const [state, { address }] of states) put(read(state), address);
  for (const [tensor, address] of constants) put(tensor, address);
  return image;
}

function inputsOf({ network, pixels }: StandalonePlan): Region[] {
  return [network, pixels].flatMap((entry) => (entry === undefined ? [] : [...entry.inputs.values()].map(regionOf)));
}

/** The parameters to keep in fewer bytes, of those that are needed. */
function packAll(
  { states }: ProgramPlan,
  needed: readonly Region[],
  format: Packed["format"],
  read: (state: State) => Tensor,
): PlacedWeights[] {
  return [...states].flatMap(([state, place]): PlacedWeights[] => {
    const region = regionOf(place);
    const used = needed.some((r) => r.address <= region.address && region.address < r.address + r.bytes);
    const { role, label } = state.attrs;
    const worth = place.shape.length >= 2 && place.dtype === "float32" && region.bytes > 0;
    return used && worth && role === "parameter" ? [{ ...pack(read(state), format, label), at: region.address }] : [];
  });
}

type Extra = Pick<StandaloneOptions, "labels" | "preprocessing"> & {
  readonly weights: WeightFormat;
  readonly precision: "strict" | "fast";
};

function emitModule(plans: StandalonePlan, contents: Contents, extra: Extra): Uint8Array<ArrayBuffer> {
  const { planned, network, pixels, normalise, main } = plans;
  const { prepare, packed, pieces } = contents;
  const jobs = [...prepare, ...normalise, main];
  const { plan, moved } = compact(planned.plan, jobs, [
    ...inputsOf(plans),
    ...[...network.outputs.values()].map(regionOf),
  ]);
  // Scales of packed weights lie behind everything else.
  let end = plan.bytes;
  const placed = packed.map((weight) => {
    const scalesAt = end;
    end += weight.scales.byteLength;
    return { ...weight, at: moved(weight.at), scalesAt };
  });
  const pages = pagesOf(end);
  const port = ([name, { dtype, shape, address }]: readonly [string, Place]): Port => ({
    name,
    dtype,
    shape,
    ptr: moved(address),
  });
  const inputs = Array.from(network.inputs, port);
  const signature: Signature = {
    abi: ABI_VERSION,
    batch: inputs[0].shape[0] ?? 1,
    inputs,
    outputs: Array.from(network.outputs, port),
    ...(pixels === undefined ? {} : { pixels: port([...pixels.inputs][0]) }),
    weights: extra.weights,
    features: ["simd128", "bulk-memory", ...(extra.precision === "fast" ? (["relaxed-simd"] as const) : [])],
    memory: pages * PAGE_BYTES,
  };

  const module = new ModuleBuilder();
  module.memory({ initial: pages, maximum: pages, exportAs: "memory" });
  const emitted = emitJobs(module, plan);
  const func = (job: Job): JobFunc => emitted.jobs[jobs.indexOf(job)];
  emitEntries(module, signature, {
    unpack: emitUnpack(module, placed),
    prepare: prepare.map(func),
    normalise: normalise.map(func),
    main: func(main),
  });
  for (const { address, bytes } of pieces) module.data(moved(address), bytes);
  for (const { scalesAt, scales } of placed) {
    if (scales.length > 0) module.data(scalesAt, new Uint8Array(scales.buffer));
  }
  const { labels, preprocessing } = extra;
  return Object.entries({ signature, labels, preprocessing }).reduce(
    (bytes, [name, value]) =>
      value === undefined
        ? bytes
        : withCustom(bytes, `faltung.${name}`, new TextEncoder().encode(JSON.stringify(value))),
    module.toBytes(),
  );
}
