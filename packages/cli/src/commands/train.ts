/** `faltung train`: from pictures to a trained network in a run folder. */
import { readFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { type ChannelStatistics, type Evaluation, NumericError, channelStatistics } from "faltung";
import { parse as parseYaml } from "yaml";
import { makeModule, readModel } from "../checkpoint/model-file.ts";
import { type RunRecord, type TrainingFile, readTraining } from "../checkpoint/training-file.ts";
import { type Context, type Command, defineCommand } from "../command/command.ts";
import { EXIT, UsageError, UserError, reason } from "../command/errors.ts";
import { type Values, auto, autoWhole, choice, flag, number, text, whole } from "../command/option.ts";
import { didYouMean } from "../command/suggest.ts";
import type { DataBundle } from "../data/bundle.ts";
import { loadData } from "../data/load.ts";
import { MODEL_HELP, MODEL_NAMES, checkModelName, createModel } from "../models.ts";
import { PROJECT, type RunFolder, claimRunFolder, runFolder } from "../run/folder.ts";
import { adaptModel } from "../run/fine-tune.ts";
import { writeExamples } from "../run/examples.ts";
import { writeArgs } from "../run/records.ts";
import { type Outcome, type Session, runSession } from "../run/session.ts";
import { TORCH_OPTIONS, checkEngine, clusterOf, prepareTorch, workspacePath } from "../torch/engine.ts";
import { type Python, findPython } from "../torch/python.ts";
import { AUTO_FLAG, OPTIMIZERS, SCHEDULES, augmentation, scale, setup } from "../run/setup.ts";
import { confusionText } from "../terminal/confusion.ts";
import { count, duration, percent } from "../terminal/format.ts";
import { JSON_OPTION, decodingProgress, machineLine, noteSkipped, summaryLines } from "./shared.ts";

const options = {
  data: text({
    default: "mnist",
    help: "what to train on: a folder (one sub-folder a class, or IDX files), mnist, fashion",
  }),
  model: text({ default: "small", help: `the network (${MODEL_HELP}), or a .safetensors file to go on from` }),
  epochs: autoWhole({ min: 1, help: "how often all pictures are seen; auto: 5, more where there are few" }),
  batch: autoWhole({ min: 1, help: "pictures a step; auto: 64, fewer where there are few" }),
  imgsz: autoWhole({ min: 1, max: 1024, help: "side of the pictures in pixels; auto: their own if small, at most 64" }),
  optimizer: choice(OPTIMIZERS, { default: "SGD", help: "rule that changes the weights" }),
  lr0: auto({ min: 0, help: "learning rate (its peak with onecycle); auto: what suits model and optimizer" }),
  momentum: number({ default: 0.9, min: 0, max: 1, help: "of SGD (Nesterov) and RMSprop" }),
  weight_decay: number({ default: 0.0005, min: 0, help: "pulls weights towards zero" }),
  schedule: choice(SCHEDULES, { default: "onecycle", help: "how the learning rate moves" }),
  warmup_epochs: number({ default: 0, min: 0, help: "epochs of rising rate, with schedule=cosine" }),
  label_smoothing: number({ default: 0, min: 0, max: 1, help: "share of the label that is spread over all classes" }),
  clip: number({ default: 0, min: 0, help: "largest norm of the gradient; 0: no limit" }),
  shift: autoWhole({
    min: 0,
    help: "shift pictures by chance up to so many pixels; auto: a fourteenth of the side, 0 where they are mirrored",
  }),
  fliplr: choice(AUTO_FLAG, { default: "auto", help: "mirror pictures by chance; auto: unless they are gray" }),
  val: number({
    default: 0,
    min: 0,
    max: 0.9,
    help: "share of the pictures to validate on; 0: the val or test part, else 0.2",
  }),
  patience: whole({ default: 0, min: 0, help: "stop after so many epochs without a better one; 0: never" }),
  seed: whole({ default: 0, min: 0, help: "fixes weights, order and chance: the same seed gives the same bits" }),
  threads: whole({ default: 0, min: 0, max: 64, help: "0: all cores; does not change the result" }),
  device: choice(["auto", "cpu", "cuda"], {
    default: "auto",
    help: "where to compute; cuda with engine=torch only, auto: there where PyTorch has it",
  }),
  precision: choice(["fast", "strict"], { default: "fast", help: "strict: the same bits on every kind of machine" }),
  skip_bad: flag({ default: false, help: "leave out pictures that cannot be read" }),
  cache: flag({ default: true, help: "keep decoded pictures on disk for the next run" }),
  project: text({ default: PROJECT, help: "where run folders go" }),
  name: text({ default: "train", help: "name of the run folder; a number is added if it is taken" }),
  exist_ok: flag({ default: false, help: "use the folder even if it is there" }),
  engine: choice(["local", "torch"], {
    default: "local",
    help: "who computes: our own engine, or PyTorch on several processes or machines (torchrun)",
  }),
  nproc: autoWhole({ min: 1, max: 1024, help: "torch: processes on this machine; auto: one for each GPU, else 1" }),
  nnodes: whole({ default: 1, min: 1, max: 10_000, help: "torch: machines; give the same command on each" }),
  node_rank: whole({ default: 0, min: 0, help: "torch: number of this machine; 0 leads, and has the results" }),
  rdzv: text<string | undefined>({
    default: undefined,
    help: "torch: HOST:PORT of machine 0, where there are several",
  }),
  max_restarts: whole({ default: 3, min: 0, help: "torch: how often lost workers are started again" }),
  save_every: whole({ default: 200, min: 0, help: "torch: steps between checkpoints within an epoch; 0: none" }),
  sync_bn: flag({ default: false, help: "torch: batch-norm over the pictures of all processes, not of each" }),
  python: text<string | undefined>({
    default: undefined,
    shown: "(found)",
    help: "torch: a Python with PyTorch; else FALTUNG_PYTHON, else the first that has it",
  }),
  resume: text<string | undefined>({ default: undefined, help: "a run folder to go on with, as if never interrupted" }),
  cfg: text<string | undefined>({ default: undefined, help: "a file of options, such as a run's args.yaml" }),
  json: JSON_OPTION,
};

type TrainValues = Values<typeof options>;
/** With batch and epochs settled, once the number of pictures is known. */
type RunValues = TrainValues & { readonly epochs: number; readonly batch: number };

/** Options that may differ when a run is resumed: what is computed stays the same, up to rounding and sync_bn. */
const FREE_ON_RESUME: readonly string[] = ["resume", "data", "threads", "cache", "json", "engine", "device"].concat(
  TORCH_OPTIONS,
);
/** Options about a run that make no sense in a file that repeats it. */
const NOT_IN_ARGS = ["resume", "cfg", "json", "python"];

export const train: Command = defineCommand({
  description:
    "Reads pictures, trains, and leaves a run folder with weights, curves, a confusion matrix and all options. " +
    "Ctrl-C saves the run and prints the line that resumes it.",
  examples: [
    ["train", "MNIST's digits with the default network"],
    ["train data=path/to/folder", "your own pictures: one sub-folder a class"],
    ["train data=fashion model=resnet20 epochs=10 batch=128", "another data set, another network"],
    ["train model=runs/train/weights/best.safetensors data=more/pictures lr0=0.01", "go on from trained weights"],
    ["train resume=runs/train", "go on with an interrupted run, bit for bit"],
    ["train engine=torch nproc=2", "the same run by two processes of PyTorch's"],
  ],
  options,
  run: async (given, context) => {
    const values = given.cfg === undefined ? given : await withFile(given, given.cfg, context);
    if (values.resume === undefined) checkEngine(values, context.given);
    return values.resume === undefined ? startRun(values, context) : resumeRun(values, values.resume, context);
  },
});

/** Options from a file, where the command line does not say otherwise. */
async function withFile(values: TrainValues, path: string, { given }: Context): Promise<TrainValues> {
  let parsed: unknown;
  try {
    parsed = parseYaml(await readFile(path, "utf8"));
  } catch (error) {
    throw new UserError(`cfg=${path} cannot be read: ${reason(error)}.`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new UserError(`cfg=${path}: expected lines such as "epochs: 10".`);
  }
  const merged: Record<string, unknown> = { ...values };
  for (const [name, value] of Object.entries(parsed)) {
    if (!Object.hasOwn(options, name)) {
      throw new UsageError(
        `cfg=${path}: faltung train has no option "${name}".${didYouMean(name, Object.keys(options))}`,
      );
    }
    if (!given.has(name)) merged[name] = options[name as keyof typeof options].parse(String(value), name);
  }
  return merged as TrainValues; // every value went through its option's parser
}

async function startRun(wanted: TrainValues, context: Context): Promise<number> {
  const { terminal } = context;
  const fromFile = wanted.model.endsWith(".safetensors");
  if (!fromFile) checkModelName(wanted.model);
  const base = fromFile ? await readModel(wanted.model) : undefined;
  const python = await pythonFor(wanted, context);
  const bundle = await load(wanted, context, base === undefined ? undefined : { geometry: base.preprocessing });
  const values: RunValues = { ...wanted, ...scale(wanted, bundle.train.size) };
  const { geometry, classes } = bundle;
  const module =
    base === undefined
      ? createModel(values.model, geometry, classes.length, values.seed)
      : adaptModel(base, classes, values.seed, (text) => terminal.note(text));
  const statistics = await channelStatistics(bundle.train);
  if (python !== undefined) clusterOf(values, python); // before a folder is made: it refuses what cannot be
  const folder = await claimRunFolder(values.project, values.name, values.exist_ok);
  terminal.say(`Run folder: ${terminal.paint.bold(folder.path)}`);
  await writeArgs(folder, Object.fromEntries(Object.entries(values).filter(([name]) => !NOT_IN_ARGS.includes(name))));
  await writeExamples(folder.examples, bundle.validation);
  const record: RunRecord = {
    options: values,
    architecture: JSON.stringify(module.spec()),
    preprocessing: { ...geometry, ...statistics },
    classes,
    fingerprint: fingerprint(bundle, statistics),
    history: [],
  };
  return work({ values, context, bundle, folder, record, module, python });
}

async function pythonFor({ engine, python }: TrainValues, { signal }: Context): Promise<Python | undefined> {
  return engine === "torch" ? findPython(python ?? (process.env["FALTUNG_PYTHON"] || undefined), signal) : undefined;
}

async function resumeRun(values: TrainValues, path: string, context: Context): Promise<number> {
  const changed = [...context.given].filter((name) => !FREE_ON_RESUME.includes(name));
  if (changed.length > 0) {
    throw new UsageError(
      `resume=${path} goes on with the options of that run, so ${changed.join(", ")} cannot be given. ` +
        `To train on with other options, start from its weights: model=${runFolder(path).last}`,
    );
  }
  const folder = runFolder(path);
  const saved = await readTraining(folder.state, (text) => context.terminal.note(text));
  const kept = { ...values, ...(saved.run.options as RunValues) };
  const free = Object.fromEntries([...context.given].map((name) => [name, values[name as keyof TrainValues]]));
  const merged = { ...kept, ...free, resume: path };
  checkEngine(merged, context.given);
  const { terminal } = context;
  if (saved.state.progress.epoch >= kept.epochs) {
    terminal.say(
      `The run in ${path} is finished: ${kept.epochs} of ${kept.epochs} epochs. To train on, start from its weights:`,
    );
    terminal.say(`  npx faltung train model=${folder.last} data=${kept.data}`);
    terminal.emit({ event: "end", stopped: "finished", folder: path, epochs: kept.epochs, best: saved.run.best });
    return EXIT.fine;
  }
  terminal.say(`Run folder: ${terminal.paint.bold(folder.path)} (resumed)`);
  const bundle = await load(merged, context, { geometry: saved.run.preprocessing, classes: saved.run.classes });
  if (fingerprint(bundle, await channelStatistics(bundle.train)) !== saved.run.fingerprint) {
    throw new UserError(
      `resume=${path}: the pictures in data=${merged.data} are not those that the run began with, so it cannot go on ` +
        `bit for bit. To train on with them, start from its weights: model=${folder.last}`,
    );
  }
  const module = await makeModule(saved.run.architecture);
  const python = await pythonFor(merged, context);
  return work({ values: merged, context, bundle, folder, record: saved.run, module, saved, python });
}

function load(
  values: TrainValues,
  context: Context,
  expected: { geometry: DataBundle["geometry"]; classes?: readonly string[] } | undefined,
): Promise<DataBundle> {
  const { data, imgsz = 0, val, seed, skip_bad: skipBad, cache } = values;
  if (expected !== undefined && context.given.has("imgsz")) {
    throw new UsageError("imgsz= cannot be given here: the trained network fixes the size of its pictures.");
  }
  const { finish, ...progress } = decodingProgress(context);
  const { signal } = context;
  return loadData({ data, imgsz, val, seed, skipBad, cache, expected, signal, ...progress }).finally(finish);
}

/** Stands for the pictures: their labels in order, and statistics of their pixels. */
function fingerprint({ train, validation }: DataBundle, { mean, std }: ChannelStatistics): string {
  const labels = (l: Int32Array): number => crc32(new Uint8Array(l.buffer, l.byteOffset, l.byteLength));
  return [train.size, labels(train.labels), validation.size, labels(validation.labels), ...mean, ...std].join(" ");
}

interface Work {
  readonly values: RunValues;
  readonly context: Context;
  readonly bundle: DataBundle;
  readonly folder: RunFolder;
  readonly record: RunRecord;
  readonly module: Session["module"];
  readonly saved?: TrainingFile;
  /** With engine=torch. */
  readonly python: Python | undefined;
}

async function work(of: Work): Promise<number> {
  const { values, context, bundle, folder, record, module } = of;
  const { terminal, signal } = context;
  noteSkipped(context, bundle);
  terminal.say(`Data: ${bundle.description}`);
  terminal.say(`Validation: ${bundle.validationSource}`);
  terminal.say();
  for (const line of summaryLines(module, bundle.geometry, `Model: ${values.model}`)) terminal.say(line);
  terminal.say();
  const notes = { model: values.model, data: values.data, val: values.val, seed: values.seed };
  const { fit, machine, follow } = await (of.python === undefined ? localFit(of) : torchRun(of, of.python, notes));
  terminal.say(recipeLine(values, bundle, machine));
  terminal.emit({
    event: "start",
    folder: folder.path,
    data: bundle.description,
    threads: fit.threads,
    memory: fit.memory,
  });
  if (follow !== undefined) {
    await follow();
    terminal.say("The run has ended; its results are on the machine with node_rank=0.");
    return signal.aborted ? EXIT.interrupted : EXIT.fine;
  }
  const { epochs, patience } = values;
  const session: Session = { terminal, folder, fit, module, notes, epochs, patience, record };
  const started = performance.now();
  try {
    const outcome = await runSession(session, signal);
    return report(session, outcome, (performance.now() - started) / 1000, of.python !== undefined);
  } catch (error) {
    if (!(error instanceof NumericError)) throw error;
    throw new UserError(`${error.message}\n${lastGood(folder, values)}`, { cause: error });
  }
}

/** A run that is ready to begin, and on what. */
interface Ready {
  readonly fit: Session["fit"];
  readonly machine: string;
  /** Instead of `fit`, where another machine leads. */
  readonly follow?: () => Promise<void>;
}

async function localFit({ values, context, bundle, record, module, saved }: Work): Promise<Ready> {
  const { mean, std } = record.preprocessing;
  const fit = await context.engine.fit(module, {
    train: bundle.train,
    validation: bundle.validation,
    ...setup(values, module, bundle),
    statistics: { mean, std },
    signal: context.signal,
    ...(saved === undefined ? {} : { resume: saved.state }),
  });
  return { fit, machine: machineLine(fit) };
}

async function torchRun(of: Work, python: Python, notes: Session["notes"]): Promise<Ready> {
  const { values, context, bundle, folder, record, module, saved } = of;
  const { optimizer, schedule } = setup(values, module, bundle);
  const { preprocessing, classes, history } = record;
  const { fit, machine, follow } = await prepareTorch({
    python,
    values,
    folder,
    bundle,
    module,
    file: { preprocessing, classes, notes: { ...notes, epoch: history.length } },
    optimizer,
    schedule,
    saved: saved?.state,
    signal: context.signal,
    note: (text) => context.terminal.note(text),
  });
  return { fit, machine, ...(values.node_rank > 0 ? { follow } : {}) };
}

function recipeLine(values: RunValues, bundle: DataBundle, machine: string): string {
  const { shift = 0, flip } = augmentation(values, bundle);
  const { epochs, batch, optimizer, schedule, seed } = values;
  const augment = [shift > 0 ? `shifts of ±${shift}` : "", flip ? "mirrored" : ""]
    .filter((word) => word !== "")
    .join(", ");
  return `Training: ${count(epochs, "epoch")}, batch ${batch}, ${optimizer}, ${schedule}, ${augment || "no augmentation"}, seed ${seed}; ${machine}`;
}

/** With five classes or fewer, everything is among the best five. */
function fiveOf({ top5, confusion }: Evaluation): string {
  return confusion.classes.length > 5 ? `, top-5 ${percent(top5)}` : "";
}

function lastGood(folder: RunFolder, { model }: TrainValues): string {
  const again = MODEL_NAMES.includes(model) ? ` Try a smaller lr0=, or clip=1.` : "";
  return `The last finished epoch, if there was one, is in ${folder.last}.${again}`;
}

function report(
  { terminal, folder }: Session,
  { record, best, stopped }: Outcome,
  seconds: number,
  byTorch: boolean,
): number {
  const { paint } = terminal;
  const resume = `npx faltung train resume=${folder.path}`;
  if (stopped === "interrupted") {
    terminal.note("");
    terminal.note(`Stopped. The run is saved in ${folder.path}; go on with`);
    terminal.note(`  ${resume}`);
    terminal.emit({ event: "interrupted", folder: folder.path, resume });
    return EXIT.interrupted;
  }
  terminal.say();
  if (best !== undefined) {
    for (const line of confusionText(best.confusion, terminal.columns(), paint)) terminal.say(line);
    terminal.say();
  }
  const { best: b } = record;
  if (b !== undefined) {
    const speed = best === undefined ? "" : `${fiveOf(best)}, ${best.millisecondsPerImage.toFixed(3)} ms/image`;
    terminal.say(`${paint.bold(`top-1 ${percent(b.top1)}`)}${speed} (epoch ${b.epoch} of ${record.history.length})`);
  }
  const why = stopped === "patience" ? " (no better epoch for a while: patience)" : "";
  terminal.say(`Trained in ${duration(seconds)}${why}. Run folder: ${paint.bold(folder.path)}`);
  for (const [path, what] of [
    [folder.best, "weights of the best epoch"],
    [folder.curves, "curves"],
    [folder.confusion, "confusion matrix"],
    ...(byTorch ? [[workspacePath(folder), "PyTorch's scripts, with the decoded pictures; not needed any more"]] : []),
  ]) {
    terminal.say(`  ${path}  ${paint.dim(what)}`);
  }
  terminal.say();
  terminal.say("Next:");
  terminal.say(
    `  npx faltung predict model=${folder.best} source=${folder.examples}   ${paint.dim("# or your own picture")}`,
  );
  terminal.say(`  npx faltung figure filters model=${folder.best} -o filters.svg`);
  terminal.say(`  npx faltung train data=path/to/folder   ${paint.dim("# one sub-folder a class")}`);
  terminal.emit({ event: "end", stopped, folder: folder.path, epochs: record.history.length, seconds, best: b });
  return EXIT.fine;
}
