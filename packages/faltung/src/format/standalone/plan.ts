/** From a network to a plan for a standalone module: its own entry, and one that turns bytes into its first input. */
import type { Job, Region } from "../../backend/plan.ts";
import { entryGraph, traceEntry } from "../../compile/entries.ts";
import { fuse } from "../../compile/fuse.ts";
import { type Place, type PlannedEntry, type ProgramPlan, planProgram } from "../../compile/plan.ts";
import { type EntrySpec, typeOf } from "../../compile/program.ts";
import { randomSource } from "../../compile/trace.ts";
import type { Module } from "../../nn/module.ts";
import { cast, div, sub } from "../../ops/elementwise/elementwise.ts";
import { type Value, constant } from "../../ops/op.ts";
import { permute } from "../../ops/shape/permute.op.ts";
import { OptionError, ShapeError, checkWhole } from "../../tensor/errors.ts";
import { type Shape, show, sizeOf } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { Preprocessing } from "./abi.ts";

export interface StandalonePlan {
  readonly planned: ProgramPlan;
  readonly network: PlannedEntry;
  readonly pixels: PlannedEntry | undefined;
  /** The jobs: from bytes to the first input, from raw to prepared weights, and the network's own. */
  readonly normalise: readonly Job[];
  readonly prepare: readonly Job[];
  readonly main: Job;
}

/** A network in evaluation mode as an entry. Its modules are left in the mode that they were in. */
export function modelEntry(model: Module, picture: Shape, batch: number): EntrySpec {
  checkWhole("exportStandalone: batch", batch);
  return {
    inputs: { input: [batch, ...picture] },
    fn({ input }) {
      const modes = Array.from(model.namedModules(), ([, module]) => [module, module.training] as const);
      model.eval();
      try {
        return { logits: model.forward(input) };
      } finally {
        for (const [module, training] of modes) module.training = training;
      }
    },
  };
}

/** @param fast as in `Target`: Winograd's algorithms, and multiply-add in one step whether this engine has it or not */
export function planStandalone(
  entry: EntrySpec,
  preprocessing: Preprocessing | undefined,
  fast: boolean,
): StandalonePlan {
  const random = randomSource(0);
  const graph = traceEntry(entry, random);
  if (graph.updates.length > 0) {
    throw new OptionError(
      "exportStandalone: the network changes its own states or draws random numbers, as in training; call eval() first.",
    );
  }
  if (graph.inputs.length === 0 || Object.keys(graph.outputs).length === 0) {
    throw new OptionError("exportStandalone: the entry needs an input and an output.");
  }
  const graphs = [entryGraph("network", graph, fuse)];
  if (preprocessing !== undefined) {
    const spec = pixelsEntry(typeOf(Object.values(entry.inputs)[0]).shape, preprocessing);
    graphs.push(entryGraph("pixels", traceEntry(spec, random), fuse));
  }
  const planned = planProgram(graphs, { fma: fast, fast, wide: false, threads: 1 });
  const [network, pixels] = planned.entries as [PlannedEntry, PlannedEntry | undefined];
  const { jobs } = planned.plan;
  return {
    planned,
    network,
    pixels,
    normalise: pixels === undefined ? [] : [into([...network.inputs.values()][0], pixels, jobs)],
    prepare: network.preparation < 0 ? [] : [jobs[network.preparation]],
    main: jobs[network.job],
  };
}

/** Bytes [N, H, W, C] to (x − 255 mean) / (255 std) as [N, C, H, W]: the arithmetic of training, to the bit. */
function pixelsEntry(shape: Shape, { mean, std }: Preprocessing): EntrySpec {
  const [n, channels, height, width] = shape;
  if (shape.length !== 4 || mean.length !== channels || std.length !== channels) {
    throw new ShapeError(
      `exportStandalone: preprocessing has ${mean.length} means and ${std.length} standard deviations, and the network's ` +
        `first input is ${show(shape)}; expected [batch, channels, height, width] and one of each per channel.`,
    );
  }
  const perChannel = (numbers: readonly number[]): Value =>
    constant(
      new Tensor(
        Float32Array.from(numbers, (v) => v * 255),
        [channels, 1, 1],
      ),
    );
  return {
    inputs: { pixels: { shape: [n, height, width, channels], dtype: "uint8" } },
    fn: ({ pixels }) => ({
      normalised: div(sub(cast(permute(pixels, [0, 3, 1, 2]), "float32"), perChannel(mean)), perChannel(std)),
    }),
  };
}

/** The job of `pixels`, preparation included, made to write its output where the network's input lies. */
function into(input: Place, pixels: PlannedEntry, jobs: readonly Job[]): Job {
  const [output] = [...pixels.outputs.values()];
  const place = (region: Region): Region =>
    region.address === output.address ? { ...region, address: input.address } : region;
  const own = [pixels.preparation, pixels.job].filter((j) => j >= 0).flatMap((j) => jobs[j].stages);
  return { name: "pixels", stages: own.map((stage) => ({ ...stage, pointers: stage.pointers.map(place) })) };
}

export function regionOf({ address, shape, dtype }: Place): Region {
  return { address, bytes: sizeOf(shape) * (dtype === "uint8" ? 1 : 4) };
}
