/** `faltung export`: a trained network for other programs. */
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { exportStandalone } from "faltung/standalone";
import { exportOnnx } from "faltung/onnx";
import { makeFolder, writeAtomically } from "../checkpoint/atomic.ts";
import { type ModelFile, readModel, writeModel } from "../checkpoint/model-file.ts";
import { type Command, type Context, defineCommand } from "../command/command.ts";
import { EXIT, UsageError } from "../command/errors.ts";
import { choice, text, whole } from "../command/option.ts";
import { loadData } from "../data/load.ts";
import { WEIGHTS, modelScript, trainScript } from "../export/pytorch.ts";
import { writeTorchFile } from "../torch/state-dict-write.ts";
import { newestModel } from "../run/folder.ts";
import { CALIBRATION_PICTURES, calibrationPart, quantizedOn } from "../run/quantized.ts";
import { bytes } from "../terminal/format.ts";
import { JSON_OPTION, MODEL_OPTION, decodingProgress } from "./shared.ts";

const FORMATS = ["wasm", "onnx", "pytorch", "pt", "safetensors"] as const;
const WEIGHT_FORMATS = ["float32", "float16", "int8"] as const;

export const exportCommand: Command = defineCommand({
  description:
    "wasm: one WebAssembly module with the weights inside, for any runtime. onnx: for ONNX Runtime and its like. " +
    "pytorch: a folder with model.py, train.py and the weights. pt: the weights as torch.load takes them. " +
    "safetensors: the weights under PyTorch's names. faltung import takes them back.",
  examples: [
    ["export", "the newest run's best weights as best.wasm beside them"],
    ["export format=wasm weights=int8 out=digits.wasm", "a quarter of the size"],
    ["export format=onnx weights=int8", "quantised, calibrated on the data that it was trained on"],
    ["export format=pytorch model=runs/train/weights/best.safetensors out=torch", "a folder of Python"],
  ],
  options: {
    model: MODEL_OPTION,
    format: choice(FORMATS, { default: "wasm", help: "what to write" }),
    out: text<string | undefined>({ default: undefined, shown: "(beside the model)", help: "the file, or the folder" }),
    weights: choice(WEIGHT_FORMATS, {
      default: "float32",
      also: new Map<string, (typeof WEIGHT_FORMATS)[number]>([
        ["f32", "float32"],
        ["f16", "float16"],
      ]),
      help: "wasm: how weights are kept in the file; int8 with data=, or with onnx: the network is quantised",
    }),
    data: text<string | undefined>({
      default: undefined,
      shown: "(onnx: the model's)",
      help: "weights=int8: pictures to calibrate a quantised network with; a folder, mnist or fashion",
    }),
    batch: whole({ default: 1, min: 1, max: 4096, help: "wasm: pictures of one run" }),
    precision: choice(["strict", "fast"] as const, {
      default: "strict",
      help: "wasm: fast needs a runtime with relaxed SIMD",
    }),
    json: JSON_OPTION,
  },
  run: async ({ model, format, out, weights, data, batch, precision }, context) => {
    const { terminal, given } = context;
    const forWasm = ["batch", "precision", ...(format === "onnx" ? [] : ["weights"])].filter((name) => given.has(name));
    if (format !== "wasm" && forWasm.length > 0) {
      throw new UsageError(`${forWasm.join(" and ")} cannot be given with format=${format}: only wasm has it.`);
    }
    if (format === "onnx" && weights === "float16") {
      throw new UsageError(
        "weights=float16 cannot be given with format=onnx; give float32, or int8 for a quantised network.",
      );
    }
    const quantises = weights === "int8" && (format === "onnx" || data !== undefined);
    if (data !== undefined && !quantises) {
      throw new UsageError("data= is for calibrating: give it with weights=int8, and format=onnx or format=wasm.");
    }
    const path = model ?? (await newestModel());
    const read = await readModel(path);
    const file = quantises ? await quantized(read, data ?? read.notes.data, format === "onnx" ? 8 : 7, context) : read;
    const target = out ?? beside(path, format, weights);
    if (format !== "pytorch") await makeFolder(dirname(target));
    const written = await write(file, format, target, { weights: quantises ? "float32" : weights, batch, precision });
    const sizes = await Promise.all(written.map(async (name) => ({ path: name, bytes: (await stat(name)).size })));
    for (const row of sizes) terminal.say(`${row.path} (${bytes(row.bytes)})`);
    terminal.say(USES[format](target));
    terminal.emit({ event: "export", format, model: path, files: sizes });
    return EXIT.fine;
  },
});

/** The same file with its network quantised. @param bits of an activation: ONNX Runtime wants all eight */
async function quantized(file: ModelFile, data: string, bits: 7 | 8, context: Context): Promise<ModelFile> {
  const { terminal, signal } = context;
  const { module, preprocessing, classes, notes } = file;
  const { finish, ...progress } = decodingProgress(context);
  const bundle = await loadData({
    data,
    imgsz: 0,
    val: notes.val,
    seed: notes.seed,
    skipBad: true,
    cache: true,
    expected: { geometry: preprocessing, classes },
    signal,
    ...progress,
  }).finally(finish);
  const part = calibrationPart(bundle);
  const { mean, std } = preprocessing;
  terminal.say(`Calibrated on ${Math.min(CALIBRATION_PICTURES, part.size)} pictures of ${data}`);
  return { ...file, module: await quantizedOn(module, part, { mean, std }, { bits, threads: 0 }) };
}

type Format = (typeof FORMATS)[number];

function beside(path: string, format: Format, weights: (typeof WEIGHT_FORMATS)[number]): string {
  const name = basename(path).replace(/\.safetensors$/, "");
  const stem = join(dirname(path), weights === "float32" ? name : `${name}.${weights}`);
  return {
    wasm: `${stem}.wasm`,
    onnx: `${stem}.onnx`,
    pytorch: `${stem}-pytorch`,
    pt: `${stem}.pt`,
    safetensors: `${stem}.weights.safetensors`,
  }[format];
}

const USES: Readonly<Record<Format, (target: string) => string>> = {
  wasm: (target) =>
    `Use it: import { load } from "faltung/standalone/loader"; (await load(fetch("${basename(target)}"))).run(pixels)`,
  onnx: (target) => `Use it: onnxruntime.InferenceSession("${basename(target)}").run(None, {"input": pictures})`,
  pytorch: (target) => `Use it: python3 ${join(target, "model.py")} picture.png, or from model import load_model`,
  pt: (target) => `Use it: model.load_state_dict(torch.load("${basename(target)}"))`,
  safetensors: () => "Its names and layouts are PyTorch's: load_state_dict takes them.",
};

async function write(
  file: ModelFile,
  format: Format,
  target: string,
  options: {
    readonly weights: (typeof WEIGHT_FORMATS)[number];
    readonly batch: number;
    readonly precision: "strict" | "fast";
  },
): Promise<string[]> {
  const { module, preprocessing, classes } = file;
  const { channels, height, width, mean, std } = preprocessing;
  const picture = [channels, height, width];
  const described = { channels, height, width, resize: "cover", scale: 255, mean, std };
  switch (format) {
    case "wasm": {
      const code = await exportStandalone(module, { ...options, picture, labels: classes, preprocessing: described });
      await writeAtomically(target, [code]);
      return [target];
    }
    case "onnx": {
      module.eval();
      const model = exportOnnx(
        ({ input }) => ({ logits: module.forward(input) }),
        { input: [1, ...picture] },
        {
          names: module.namedStates(),
          metadata: { classes: JSON.stringify(classes), preprocessing: JSON.stringify(described) },
        },
      );
      await writeAtomically(target, [model]);
      return [target];
    }
    case "pytorch": {
      const scripts = { "model.py": modelScript(file), "train.py": trainScript() };
      await makeFolder(target);
      for (const [name, script] of Object.entries(scripts)) await writeAtomically(join(target, name), script);
      await writeModel(join(target, WEIGHTS), file);
      return [...Object.keys(scripts), WEIGHTS].map((name) => join(target, name));
    }
    case "pt":
      await writeAtomically(target, [writeTorchFile(module.stateDict())]);
      return [target];
    case "safetensors":
      await writeModel(target, file);
      return [target];
  }
}
