/** `faltung val`: how well a trained network does on labelled pictures. */
import { classScores, macroAverage } from "faltung";
import { readModel } from "../checkpoint/model-file.ts";
import { type Command, defineCommand } from "../command/command.ts";
import { EXIT, UserError } from "../command/errors.ts";
import { auto, autoWhole, choice, flag, text, whole } from "../command/option.ts";
import { loadData } from "../data/load.ts";
import { newestModel } from "../run/folder.ts";
import { calibrationPart, quantizedOn } from "../run/quantized.ts";
import { confusionText } from "../terminal/confusion.ts";
import { count, loss, percent } from "../terminal/format.ts";
import { table } from "../terminal/table.ts";
import { printable } from "../terminal/width.ts";
import { JSON_OPTION, MODEL_OPTION, decodingProgress, fiveOf, noteSkipped } from "./shared.ts";

const SPLITS = ["val", "test", "train"] as const;

export const val: Command = defineCommand({
  examples: [
    ["val", "the newest run's best weights, on the data it was trained on"],
    ["val model=runs/train/weights/best.safetensors data=other/pictures", "other pictures of the same classes"],
    ["val int8=true", "the same network in whole numbers: what is lost, what is gained"],
    ["val model=runs/train/weights/last.safetensors split=test json=true", "the test part, for a program"],
  ],
  options: {
    model: MODEL_OPTION,
    data: text<string | undefined>({
      default: undefined,
      shown: "(the model's)",
      help: "a folder, mnist or fashion, with the model's classes",
    }),
    split: choice(SPLITS, { default: "val", help: "which part; val is the test part where there is no other" }),
    val: auto({
      min: 0,
      max: 0.9,
      help: "share of the pictures to validate on, as in train; auto: as the model was trained",
    }),
    seed: autoWhole({ min: 0, help: "of that share" }),
    batch: whole({ default: 256, min: 1, help: "pictures at a time" }),
    int8: flag({
      default: false,
      help: "quantised: computed in whole numbers, calibrated on training pictures of data",
    }),
    threads: whole({ default: 0, min: 0, max: 64, help: "0: all cores" }),
    skip_bad: flag({ default: false, help: "leave out pictures that cannot be read" }),
    cache: flag({ default: true, help: "keep decoded pictures on disk for the next run" }),
    json: JSON_OPTION,
  },
  run: async (values, context) => {
    const { terminal, engine, signal } = context;
    const path = values.model ?? (await newestModel());
    const { module, preprocessing, classes, notes } = await readModel(path);
    const data = values.data ?? notes.data;
    const { finish, ...progress } = decodingProgress(context);
    const bundle = await loadData({
      data,
      imgsz: 0,
      val: values.val ?? notes.val,
      seed: values.seed ?? notes.seed,
      skipBad: values.skip_bad,
      cache: values.cache,
      expected: { geometry: preprocessing, classes },
      signal,
      ...progress,
    }).finally(finish);
    noteSkipped(context, bundle);
    const dataset = { train: bundle.train, val: bundle.validation, test: bundle.test }[values.split];
    if (dataset === undefined || dataset.size === 0) {
      throw new UserError(`split=${values.split}: data=${data} has no ${values.split} part.`);
    }
    const { mean, std } = preprocessing;
    const threads = values.threads > 0 ? { threads: values.threads } : {};
    const statistics = { mean, std };
    const judged = values.int8
      ? await quantizedOn(module, calibrationPart(bundle), statistics, { bits: 7, threads: values.threads })
      : module;
    const evaluation = await engine.evaluate(judged, dataset, {
      statistics,
      batch: values.batch,
      signal,
      ...threads,
    });
    const scores = classScores(evaluation.confusion);
    const { paint } = terminal;
    terminal.say(`Model: ${path} (${notes.model}, epoch ${notes.epoch})${values.int8 ? ", in int8" : ""}`);
    terminal.say(
      `Data: ${data}, ${values.split === "val" ? bundle.validationSource : `the ${values.split} part`}: ${count(dataset.size, "picture")}`,
    );
    terminal.say();
    for (const line of confusionText(evaluation.confusion, terminal.columns(), paint)) terminal.say(line);
    terminal.say();
    const rows = scores.map((s) => [
      printable(s.name),
      percent(s.precision),
      percent(s.recall),
      percent(s.f1),
      String(s.support),
    ]);
    const average = (key: "precision" | "recall" | "f1"): string => percent(macroAverage(scores, key));
    const all = ["mean", average("precision"), average("recall"), average("f1"), String(dataset.size)];
    const right = [false, true, true, true, true];
    for (const line of table([["class", "precision", "recall", "F1", "pictures"], ...rows, all], right))
      terminal.say(line);
    terminal.say();
    const { top1, top5, millisecondsPerImage } = evaluation;
    terminal.say(
      `${paint.bold(`top-1 ${percent(top1)}`)}${fiveOf(evaluation)}, loss ${loss(evaluation.loss)}, ${millisecondsPerImage.toFixed(3)} ms/image`,
    );
    const counts = evaluation.confusion.counts.map((row) => [...row]);
    terminal.emit({
      event: "val",
      model: path,
      data,
      split: values.split,
      int8: values.int8,
      pictures: dataset.size,
      top1,
      top5,
      loss: evaluation.loss,
      millisecondsPerImage,
      classes,
      confusion: counts,
      scores,
    });
    return EXIT.fine;
  },
});
