/** `engine=torch`: from the options of a run to processes of PyTorch's that train it. */
import { join } from "node:path";
import type { Fit, Module, Optimizer, Schedule, TrainingState } from "faltung";
import type { ModelFile } from "../checkpoint/model-file.ts";
import { UsageError, UserError } from "../command/errors.ts";
import type { DataBundle } from "../data/bundle.ts";
import type { RunFolder } from "../run/folder.ts";
import { count } from "../terminal/format.ts";
import { torchFit } from "./fit.ts";
import { type Cluster, compactError, launch } from "./launch.ts";
import type { Python } from "./python.ts";
import { type TorchRecipe, freshState, writeWorkspace } from "./workspace.ts";

/** The options of `faltung train` that engine=torch alone has. */
export const TORCH_OPTIONS = [
  "nproc",
  "nnodes",
  "node_rank",
  "rdzv",
  "max_restarts",
  "save_every",
  "sync_bn",
  "python",
] as const;

export interface TorchValues extends TorchRecipe {
  readonly engine: "local" | "torch";
  readonly device: "auto" | "cpu" | "cuda";
  readonly nproc: number | undefined;
  readonly nnodes: number;
  readonly node_rank: number;
  readonly rdzv: string | undefined;
  readonly max_restarts: number;
}

/** @throws UsageError for options that do not go together */
export function checkEngine(
  values: Pick<TorchValues, "engine" | "device" | "nnodes" | "node_rank" | "rdzv">,
  given: ReadonlySet<string>,
): void {
  if (values.engine === "local") {
    const foreign = TORCH_OPTIONS.filter((name) => given.has(name));
    if (foreign.length > 0) throw new UsageError(`${foreign.join(" and ")} cannot be given without engine=torch.`);
    if (values.device === "cuda")
      throw new UsageError("device=cuda needs engine=torch: our own engine computes on CPUs.");
    return;
  }
  const { nnodes, node_rank: rank, rdzv } = values;
  if (rank >= nnodes) {
    throw new UsageError(`node_rank=${rank}: machines are numbered from 0 to ${nnodes - 1} (nnodes=${nnodes}).`);
  }
  if (nnodes > 1 && (rdzv === undefined || !/^.+:\d+$/.test(rdzv))) {
    throw new UsageError(
      `nnodes=${nnodes} needs rdzv=HOST:PORT: the machine with node_rank=0, as the others reach it, and a free port there.`,
    );
  }
}

/** What stays of the options once it is known what the machine has. @throws UserError if it has too little */
export function clusterOf(values: TorchValues, { gpus }: Python): { cluster: Cluster; device: "cpu" | "cuda" } {
  const { nnodes, node_rank: nodeRank, rdzv, max_restarts: maxRestarts, threads, batch } = values;
  if (values.device === "cuda" && gpus < (values.nproc ?? 1)) {
    throw new UserError(`device=cuda nproc=${values.nproc ?? 1}: PyTorch sees ${count(gpus, "GPU")} here.`);
  }
  const device = values.device === "cuda" || (values.device === "auto" && gpus >= (values.nproc ?? 1)) ? "cuda" : "cpu";
  const nproc = values.nproc ?? (device === "cuda" ? gpus : 1);
  const world = nproc * nnodes;
  if (batch < 2 * world) {
    throw new UserError(
      `batch=${batch} is for all ${count(world, "process", "processes")} together; each needs 2 pictures or more: batch=${2 * world}.`,
    );
  }
  return { cluster: { nproc, nnodes, nodeRank, rdzv, maxRestarts, threads }, device };
}

export interface TorchOptions {
  readonly python: Python;
  readonly values: TorchValues;
  readonly folder: RunFolder;
  readonly bundle: DataBundle;
  readonly module: Module;
  readonly file: Omit<ModelFile, "module">;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  readonly saved?: TrainingState;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

export const workspacePath = (folder: RunFolder): string => join(folder.path, "torch");

/** Writes the folder for PyTorch. What it returns has not begun yet. */
export async function prepareTorch(options: TorchOptions): Promise<{
  readonly fit: Fit;
  /** On what it will run, in words. */
  readonly machine: string;
  /** Takes part in a run that is led from another machine; returns when that has ended. */
  readonly follow: () => Promise<void>;
}> {
  const { python, values, bundle, module, optimizer, schedule, signal, note } = options;
  const { cluster, device } = clusterOf(values, python);
  const path = workspacePath(options.folder);
  const file = { ...options.file, module };
  const { batch, epochs, seed } = values;
  const about = { schedule: schedule.name, batch, pictures: bundle.train.size, epochs, seed };
  const state = options.saved ?? freshState(module, optimizer, about);
  await writeWorkspace({ path, file, bundle, recipe: values, optimizer, device, state });
  const { nproc, nnodes } = cluster;
  const machines = nnodes === 1 ? "" : ` on each of ${nnodes} machines`;
  const backend = device === "cuda" ? "NCCL" : "gloo";
  return {
    fit: torchFit({ path, python, cluster, file, epochs, state, signal, note }),
    machine: `PyTorch ${python.version}, ${count(nproc, "process", "processes")}${machines}, ${backend}`,
    follow: () => follow(path, python, cluster, signal),
  };
}

async function follow(path: string, python: Python, cluster: Cluster, signal: AbortSignal): Promise<void> {
  const workers = launch(path, python, cluster);
  const interrupt = (): void => void workers.stop().catch(() => {});
  signal.addEventListener("abort", interrupt, { once: true });
  try {
    for await (const _ of workers.lines); // told to whoever leads
    const { code, errors } = await workers.ended;
    if (code !== 0 && !signal.aborted) {
      throw new UserError(`PyTorch gave up (exit code ${code}): ${compactError(errors) ?? "it said nothing"}`);
    }
  } finally {
    signal.removeEventListener("abort", interrupt);
    await workers.close();
  }
}
