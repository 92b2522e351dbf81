/** `faltung summary`: what a network is made of. */
import { summary as summarise } from "faltung";
import { readModel } from "../checkpoint/model-file.ts";
import { type Command, defineCommand } from "../command/command.ts";
import { EXIT } from "../command/errors.ts";
import { choice, text, whole } from "../command/option.ts";
import type { Geometry } from "../data/bundle.ts";
import { MODEL_HELP, createModel } from "../models.ts";
import { count } from "../terminal/format.ts";
import { JSON_OPTION, summaryLines } from "./shared.ts";

export const summary: Command = defineCommand({
  description:
    "For each layer: its output (channels×height×width), parameters, multiply-adds, and how many pixels of the picture " +
    "one of its outputs sees (the receptive field).",
  examples: [
    ["summary", "the default network on MNIST's pictures"],
    ["summary model=resnet20 imgsz=32 channels=3", "another one, for colour pictures of 32×32"],
    ["summary model=runs/train/weights/best.safetensors", "a trained one"],
  ],
  options: {
    model: text({ default: "small", help: `a network (${MODEL_HELP}), or a .safetensors file` }),
    imgsz: whole({ default: 28, min: 1, max: 4096, help: "side of the pictures; a file knows its own" }),
    channels: choice(["1", "3"], { default: "1", help: "gray or RGB; a file knows its own" }),
    classes: whole({ default: 10, min: 1, help: "number of classes; a file knows its own" }),
    json: JSON_OPTION,
  },
  run: async ({ model, imgsz, channels, classes }, { terminal }) => {
    const file = model.endsWith(".safetensors") ? await readModel(model) : undefined;
    const geometry: Geometry = file?.preprocessing ?? {
      channels: channels === "3" ? 3 : 1,
      height: imgsz,
      width: imgsz,
    };
    const module = file?.module ?? createModel(model, geometry, classes, 0);
    for (const line of summaryLines(module, geometry, model)) terminal.say(line);
    if (file !== undefined) {
      terminal.say();
      terminal.say(
        `Trained on ${file.notes.data} for ${count(file.notes.epoch, "epoch")}. Classes: ${file.classes.join(", ")}`,
      );
    }
    const { layers, parameters, macs } = summarise(module, [1, geometry.channels, geometry.height, geometry.width]);
    terminal.emit({ model, layers, parameters, macs });
    return EXIT.fine;
  },
});
