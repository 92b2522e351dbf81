/** The options of `faltung train`: a table for the parser and --help, and the file that `cfg=` names. */
import { readFile } from "node:fs/promises";
import { parse as parseYaml } from "yaml";
import { UsageError, UserError, reason } from "../command/errors.ts";
import { type Option, auto, autoWhole, choice, fileName, flag, number, text, whole } from "../command/option.ts";
import { didYouMean } from "../command/suggest.ts";
import { MODEL_HELP } from "../models.ts";
import { PROJECT } from "../run/folder.ts";
import { AUTO_FLAG, OPTIMIZERS, SCHEDULES } from "../run/setup.ts";
import { TORCH_OPTIONS, type TorchValues } from "../torch/engine.ts";
import { JSON_OPTION } from "./shared.ts";

/** What the command line settles; what is undefined is chosen by itself, or stays away. */
export interface TrainValues extends Omit<TorchValues, "epochs" | "batch"> {
  readonly data: string;
  readonly epochs: number | undefined;
  readonly batch: number | undefined;
  readonly imgsz: number | undefined;
  readonly val: number;
  readonly patience: number;
  readonly skip_bad: boolean;
  readonly cache: boolean;
  readonly project: string;
  readonly name: string;
  readonly exist_ok: boolean;
  readonly python: string | undefined;
  readonly resume: string | undefined;
  readonly cfg: string | undefined;
  readonly json: boolean;
}

export const TRAIN_OPTIONS: { readonly [K in keyof TrainValues]: Option<TrainValues[K]> } = {
  data: text({
    default: "mnist",
    help: "what to train on: a folder (one sub-folder a class, or IDX files), mnist, fashion",
  }),
  model: text({ default: "small", help: `the network (${MODEL_HELP}), or a .safetensors file to go on from` }),
  resume: text<string | undefined>({ default: undefined, help: "a run folder to go on with, as if never interrupted" }),
  cfg: text<string | undefined>({ default: undefined, help: "a file of options, such as a run's args.yaml" }),
  epochs: autoWhole({ min: 1, help: "how often all pictures are seen; auto: 5, more where there are few" }),
  batch: autoWhole({ min: 1, help: "pictures a step; auto: 64, fewer where there are few" }),
  optimizer: choice(OPTIMIZERS, { default: "SGD", help: "rule that changes the weights" }),
  lr0: auto({ min: 0, help: "learning rate (its peak with onecycle); auto: what suits model and optimizer" }),
  momentum: auto({
    min: 0,
    max: 1,
    help: "of SGD (Nesterov) and RMSprop; auto: 0.9, with onecycle from 0.95 to 0.85 and back",
  }),
  weight_decay: number({ default: 0.0005, min: 0, help: "pulls weights towards zero" }),
  schedule: choice(SCHEDULES, { default: "onecycle", help: "how the learning rate moves" }),
  warmup_epochs: number({ default: 0, min: 0, help: "epochs of rising rate, with schedule=cosine" }),
  label_smoothing: number({ default: 0, min: 0, max: 1, help: "share of the label that is spread over all classes" }),
  clip: number({ default: 0, min: 0, help: "largest norm of the gradient; 0: no limit" }),
  patience: whole({ default: 0, min: 0, help: "stop after so many epochs without a better one; 0: never" }),
  imgsz: autoWhole({ min: 1, max: 1024, help: "side of the pictures in pixels; auto: their own if small, at most 64" }),
  shift: autoWhole({
    min: 0,
    help: "shift pictures by chance up to so many pixels; auto: a fourteenth of the side, 0 where they are mirrored",
  }),
  fliplr: choice(AUTO_FLAG, { default: "auto", help: "mirror pictures by chance; auto: unless they are gray" }),
  val: number({
    default: 0,
    min: 0,
    max: 0.9,
    help: "share of the training pictures to validate on; 0: the val or test part, else 0.2",
  }),
  skip_bad: flag({ default: false, help: "leave out pictures that cannot be read" }),
  cache: flag({ default: true, help: "keep decoded pictures on disk for the next run" }),
  seed: whole({ default: 0, min: 0, help: "fixes weights, order and chance: the same seed gives the same bits" }),
  threads: whole({ default: 0, min: 0, max: 64, help: "0: all cores; does not change the result" }),
  device: choice(["auto", "cpu", "cuda"], {
    default: "auto",
    help: "where to compute; cuda with engine=torch only, auto: there where PyTorch has it",
  }),
  precision: choice(["fast", "strict"], { default: "fast", help: "strict: the same bits on every kind of machine" }),
  tune: flag({ default: false, help: "try out which algorithms are fastest here; the run keeps to them when resumed" }),
  project: text({ default: PROJECT, help: "where run folders go" }),
  name: fileName({ default: "train", help: "name of the run folder; a number is added if it is taken" }),
  exist_ok: flag({ default: false, help: "use the folder even if it is there" }),
  json: JSON_OPTION,
  engine: choice(["local", "torch"], {
    default: "local",
    help: "who computes: our own engine, or PyTorch on several processes or machines (torchrun)",
  }),
  nproc: autoWhole({ min: 1, max: 1024, help: "processes on this machine; auto: one for each GPU, else 1" }),
  nnodes: whole({ default: 1, min: 1, max: 10_000, help: "machines; give the same command on each" }),
  node_rank: whole({ default: 0, min: 0, help: "number of this machine; 0 leads, and has the results" }),
  rdzv: text<string | undefined>({
    default: undefined,
    help: "HOST:PORT of machine 0, where there are several",
  }),
  max_restarts: whole({ default: 3, min: 0, help: "how often lost workers are started again" }),
  save_every: whole({ default: 200, min: 0, help: "steps between checkpoints within an epoch; 0: none" }),
  sync_bn: flag({ default: false, help: "batch-norm over the pictures of all processes, not of each" }),
  python: text<string | undefined>({
    default: undefined,
    shown: "(found)",
    help: "a Python with PyTorch; else FALTUNG_PYTHON, else the first that has it",
  }),
};

/** Groups of --help, by their first option. */
export const TRAIN_HEADINGS = {
  data: "What",
  epochs: "Learning",
  imgsz: "Pictures",
  seed: "Computing",
  project: "Results",
  engine: "PyTorch (those below need engine=torch)",
} as const;

/** Options that may differ when a run is resumed: what is computed stays the same, up to rounding and sync_bn. */
export const FREE_ON_RESUME: readonly string[] = [
  "resume",
  "data",
  "threads",
  "cache",
  "json",
  "engine",
  "device",
].concat(TORCH_OPTIONS);

/** Options about a run that make no sense in a file that repeats it. */
const NOT_IN_ARGS = ["resume", "cfg", "json", "python"];

/** The values for args.yaml, in the order of --help; what is chosen by itself says so. */
export function argsOf(values: TrainValues): Readonly<Record<string, unknown>> {
  const names = Object.keys(TRAIN_OPTIONS) as (keyof TrainValues)[];
  const rows = names.filter((name) => !NOT_IN_ARGS.includes(name)).map((name) => [name, values[name] ?? shownAs(name)]);
  return Object.fromEntries(rows.filter(([, value]) => value !== undefined));
}

function shownAs(name: keyof TrainValues): string | undefined {
  const { shown } = TRAIN_OPTIONS[name];
  return shown === "auto" ? shown : undefined;
}

/**
 * Options from a file, where the command line does not say otherwise.
 * @throws UserError if it cannot be read; UsageError for what `faltung train` does not know
 */
export async function withFile(values: TrainValues, path: string, given: ReadonlySet<string>): Promise<TrainValues> {
  let parsed: unknown;
  try {
    parsed = parseYaml(await readFile(path, "utf8"));
  } catch (error) {
    throw new UserError(`cfg=${path} cannot be read: ${reason(error)}.`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new UserError(`cfg=${path}: expected lines such as "epochs: 10".`);
  }
  const read: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (!Object.hasOwn(TRAIN_OPTIONS, name)) {
      throw new UsageError(
        `cfg=${path}: faltung train has no option "${name}".${didYouMean(name, Object.keys(TRAIN_OPTIONS))}`,
      );
    }
    if (!given.has(name)) read[name] = TRAIN_OPTIONS[name as keyof TrainValues].parse(String(value), name);
  }
  return { ...values, ...read }; // every value went through its option's parser
}
