/** What `faltung train` says when a run begins, and when it has ended. */
import type { DataBundle } from "../data/bundle.ts";
import { EXIT } from "../command/errors.ts";
import type { Outcome, Session } from "../run/session.ts";
import { type Recipe, augmentation, learningRate } from "../run/setup.ts";
import { confusionText } from "../terminal/confusion.ts";
import { count, duration, percent } from "../terminal/format.ts";
import { table } from "../terminal/table.ts";
import { fiveOf } from "./shared.ts";

/** What is going to happen, in a line. */
export function recipeLine(values: Recipe, bundle: DataBundle): string {
  const { shift = 0, flip } = augmentation(values, bundle);
  const { epochs, batch, optimizer, schedule, seed } = values;
  const words = [
    count(epochs, "epoch"),
    `batch ${batch}`,
    `${optimizer} with lr ${learningRate(values)}, ${schedule}`,
    ...(shift > 0 ? [`shifts of ±${shift}`] : []),
    ...(flip ? ["mirrored"] : []),
    ...(shift > 0 || flip ? [] : ["no augmentation"]),
    `seed ${seed}`,
  ];
  return `Training: ${words.join(", ")}`;
}

/**
 * What came out, where it is, and what to type next.
 * @param workspace the folder that PyTorch worked in, if it did
 * @returns the exit code
 */
export function report(
  { terminal, folder }: Session,
  { record, best, stopped }: Outcome,
  seconds: number,
  workspace: string | undefined,
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
  const files = [
    [folder.best, "weights of the best epoch"],
    [folder.curves, "curves"],
    [folder.confusion, "confusion matrix"],
    ...(workspace === undefined
      ? []
      : [[workspace, "PyTorch's scripts, with the decoded pictures; not needed any more"]]),
  ];
  for (const line of table(
    files.map(([path, what]) => [path, paint.dim(what)]),
    [false, false],
  )) {
    terminal.say(`  ${line}`);
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
