/** `faltung train`: from pictures to a trained network in a run folder. */
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { type ChannelStatistics, channelStatistics } from "faltung";
import { makeModule, readModel } from "../checkpoint/model-file.ts";
import { type RunRecord, type TrainingFile, readTraining, writeTraining } from "../checkpoint/training-file.ts";
import { type Context, type Command, defineCommand } from "../command/command.ts";
import { EXIT, UsageError, UserError } from "../command/errors.ts";
import type { DataBundle } from "../data/bundle.ts";
import { VALIDATION_PART, loadData } from "../data/load.ts";
import { checkModelName, createModel } from "../models.ts";
import { writeExamples } from "../run/examples.ts";
import { adaptModel } from "../run/fine-tune.ts";
import { type RunFolder, claimRunFolder, runFolder } from "../run/folder.ts";
import { withLock } from "../run/lock.ts";
import { writeArgs } from "../run/records.ts";
import { type Session, runSession } from "../run/session.ts";
import { augmentation, scale, setup } from "../run/setup.ts";
import { checkEngine, clusterOf, prepareTorch, workspacePath } from "../torch/engine.ts";
import { type Python, findPython } from "../torch/python.ts";
import { decodingProgress, machineLine, noteSkipped, summaryLines } from "./shared.ts";
import { FREE_ON_RESUME, TRAIN_HEADINGS, TRAIN_OPTIONS, type TrainValues, argsOf, withFile } from "./train-options.ts";
import { recipeLine, report } from "./train-report.ts";

/** With batch and epochs settled, once the number of pictures is known. */
type RunValues = TrainValues & { readonly epochs: number; readonly batch: number };

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
  options: TRAIN_OPTIONS,
  headings: TRAIN_HEADINGS,
  run: async (given, context) => {
    const values = given.cfg === undefined ? given : await withFile(given, given.cfg, context.given);
    if (values.resume === undefined) checkEngine(values, context.given);
    return values.resume === undefined ? startRun(values, context) : resumeRun(values, values.resume, context);
  },
});

async function startRun(wanted: TrainValues, context: Context): Promise<number> {
  const { terminal } = context;
  const fromFile = wanted.model.endsWith(".safetensors");
  if (!fromFile) checkModelName(wanted.model);
  const base = fromFile ? await readModel(wanted.model) : undefined;
  const python = await pythonFor(wanted, context);
  const bundle = await load(wanted, context, base === undefined ? undefined : { geometry: base.preprocessing });
  if (wanted.val > 0 && bundle.validationSource === VALIDATION_PART) {
    throw new UserError(`val=${wanted.val}: data=${wanted.data} has a validation part of its own; leave val= away.`);
  }
  const values: RunValues = { ...wanted, ...scale(wanted, bundle.train.size) };
  const { geometry, classes } = bundle;
  const module =
    base === undefined
      ? createModel(values.model, geometry, classes.length, values.seed)
      : adaptModel(base, classes, values.seed, (text) => terminal.note(text));
  const statistics = await channelStatistics(bundle.train);
  // Before a folder is made: these refuse what cannot be.
  augmentation(values, bundle);
  if (python !== undefined) clusterOf(values, python);
  const folder = await claimRunFolder(values.project, values.name, values.exist_ok);
  return whileLocked(folder, values.node_rank, async () => {
    terminal.say(`Run folder: ${terminal.paint.bold(folder.path)}`);
    await writeArgs(folder, argsOf(values));
    await writeExamples(folder.examples, bundle.validation);
    const record: RunRecord = {
      options: { ...values },
      architecture: JSON.stringify(module.spec()),
      preprocessing: { ...geometry, ...statistics },
      classes,
      fingerprint: fingerprint(bundle, statistics),
      history: [],
    };
    return work({ values, context, bundle, folder, record, module, python });
  });
}

/** Of several machines (engine=torch), the first alone writes. */
function whileLocked<T>(folder: RunFolder, rank: number, run: () => Promise<T>): Promise<T> {
  return rank === 0 ? withLock(folder, run) : run();
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
  if (path.endsWith(".safetensors")) {
    throw new UsageError(`resume=${path}: give the folder of the run: resume=${dirname(dirname(path))}`);
  }
  const folder = runFolder(path);
  const saved = await readTraining(folder.state, (text) => context.terminal.note(text));
  return whileLocked(folder, values.node_rank, () => goOn(values, path, folder, saved, context));
}

async function goOn(
  values: TrainValues,
  path: string,
  folder: RunFolder,
  saved: TrainingFile,
  context: Context,
): Promise<number> {
  const kept = { ...values, ...(saved.run.options as RunRecord["options"] & RunValues) }; // as startRun wrote them
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
  terminal.say(recipeLine(values, bundle));
  terminal.say(`Machine: ${machine}`);
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
  // From here on there is something to resume, whatever happens.
  if (of.saved === undefined) await writeTraining(folder.state, { state: fit.state(), run: record });
  const started = performance.now();
  const outcome = await runSession(session, signal);
  const seconds = (performance.now() - started) / 1000;
  return report(session, outcome, seconds, of.python === undefined ? undefined : workspacePath(folder));
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
