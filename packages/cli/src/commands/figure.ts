/** `faltung figure`: pictures of convolution as files. The figures, their options and their help are @faltung/figure's. */
import { type ArchitectureRow, drawArchitecture } from "@faltung/figure";
import { figureHelp, parseFigureArguments, renderToFile } from "@faltung/figure/node";
import { type Module, summary } from "faltung";
import { type ModelFile, readModel } from "../checkpoint/model-file.ts";
import type { RawCommand } from "../command/command.ts";
import { EXIT, UsageError, UserError } from "../command/errors.ts";
import type { Geometry } from "../data/bundle.ts";
import { MODEL_NAMES, usualModel } from "../models.ts";
import { newestModel } from "../run/folder.ts";

const EXAMPLES: readonly (readonly [string, string])[] = [
  ["figure conv2d input=5x5 stride=2 padding=1 -o conv.gif", "a sliding window, as an animation"],
  ["figure receptive -o receptive.png", "what one output sees, as a picture"],
  ["figure filters model=runs/train/weights/best.safetensors -o filters.svg", "the first filters of a trained network"],
  ["figure architecture model=runs/train/weights/best.safetensors -o net.svg", "its layers as blocks"],
  ["figure architecture model=resnet20 -o resnet20.svg", "a network by name"],
  ["figure --from-url 'https://…/#/learn/padding-stride?stride=2' -o conv.svg", "what a link of the lab shows"],
];

/** Figures that can show a trained network. */
const OF_MODELS = ["filters", "architecture"];

export const figure: RawCommand = {
  kind: "raw",
  help: () =>
    [
      "faltung figure: draw convolution, still or moving",
      "",
      "Usage: faltung figure NAME [option=value …] [-o FILE]",
      "",
      "The file's ending decides: .svg .png .gif .webm .mp4 .tex. filters and architecture take model=FILE.safetensors, architecture also a name.",
      "",
      "Figures and their options (values; default):",
      "",
      ...figureHelp()
        .split("\n")
        .map((line) => (line === "" ? "" : `  ${line}`)),
      "",
      "Examples:",
      ...EXAMPLES.flatMap(([line, meaning]) => [`  # ${meaning}`, `  faltung ${line}`]),
    ].join("\n"),
  run: async (words, { terminal }) => {
    if (words.length === 0)
      throw new UsageError("Name the figure first, as in: faltung figure conv2d. See: faltung figure --help");
    const own = words.filter((word) => !isOwn(word));
    const { spec, path } = parseFigureArguments(own);
    const wantsModel = own.length < words.length;
    if (wantsModel && !OF_MODELS.includes(spec.figure)) {
      throw new UsageError(`figure ${spec.figure} takes no model=; ${OF_MODELS.join(" and ")} do.`);
    }
    const picture = wantsModel ? await ofModel(spec, words) : spec;
    await renderToFile(picture, path);
    terminal.say(path);
    return EXIT.fine;
  },
};

const OWN = /^(?:--)?(model|layer)=(.*)$/;

function isOwn(word: string): boolean {
  return OWN.test(word);
}

type FigureSpec = ReturnType<typeof parseFigureArguments>["spec"];

async function ofModel(spec: FigureSpec, words: readonly string[]): Promise<Parameters<typeof renderToFile>[0]> {
  const own = new Map(
    words.flatMap((word) => (isOwn(word) ? [word.replace(/^--/, "").split(/=(.*)/s, 2) as [string, string]] : [])),
  );
  const wanted = own.get("model") || (await newestModel());
  const isName = spec.figure === "architecture" && MODEL_NAMES.includes(wanted);
  const file = isName ? usualModel(wanted) : await readModel(wanted);
  if (spec.figure === "filters") return { ...spec, values: filterValues(file.module, own.get("layer")) };
  const { figure: _, ...options } = spec;
  return drawArchitecture(
    rows(file),
    Object.fromEntries(Object.entries(options).map(([key, value]) => [key, String(value)])),
  );
}

/** As many as a picture can show. */
const MOST_FILTERS = 64;
const MOST_NUMBERS = 4096;

/** The kernels of a convolution, those of the first input channel, in the figure's notation. */
function filterValues(module: Module, layer: string | undefined): string {
  const weights = [...module.namedParameters()].filter(
    ([key, { shape }]) => key.endsWith("weight") && shape.length === 4,
  );
  const wanted = layer === undefined ? weights[0] : weights.find(([key]) => key === `${layer}.weight` || key === layer);
  if (wanted === undefined) {
    const names = weights.map(([key]) => key.replace(/\.weight$/, "")).join(", ");
    throw new UserError(
      layer === undefined
        ? "The network has no 2-D convolution."
        : `The network has no convolution "${layer}". Its convolutions: ${names}.`,
    );
  }
  const { shape, data } = wanted[1].attrs.initial;
  const [filters, channels, height, width] = shape;
  const count = Math.min(filters, MOST_FILTERS, Math.max(1, Math.floor(MOST_NUMBERS / (height * width))));
  const number = (f: number, r: number, c: number): string =>
    String(Number(data[(f * channels * height + r) * width + c].toFixed(4)));
  const line = (f: number, r: number): string => Array.from({ length: width }, (_, c) => number(f, r, c)).join(",");
  const plane = (f: number): string => Array.from({ length: height }, (_, r) => line(f, r)).join("/");
  return Array.from({ length: count }, (_, f) => plane(f)).join("//");
}

/** Layers that change the shape or have weights, so that their parameters add up; the others would crowd the picture. */
function rows({
  module,
  preprocessing: { channels, height, width },
}: Pick<ModelFile, "module"> & { readonly preprocessing: Geometry }): ArchitectureRow[] {
  const { layers } = summary(module, [1, channels, height, width]);
  const kinds: readonly (readonly [pattern: RegExp, kind: ArchitectureRow["kind"]])[] = [
    [/Conv/, "conv"],
    [/Pool/, "pool"],
    [/Linear/, "linear"],
  ];
  const drawn = layers.flatMap(({ type, output, parameters }): ArchitectureRow[] => {
    const kind = kinds.find(([pattern]) => pattern.test(type))?.[1] ?? "other";
    return kind === "other" && parameters === 0 ? [] : [{ name: type, kind, shape: output.slice(1), parameters }];
  });
  return [{ name: "input", kind: "input", shape: [channels, height, width], parameters: 0 }, ...drawn];
}
