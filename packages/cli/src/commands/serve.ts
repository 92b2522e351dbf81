/** `faltung serve`: a trained network behind HTTP. */
import { readModel } from "../checkpoint/model-file.ts";
import { type Command, defineCommand } from "../command/command.ts";
import { EXIT, UserError, reason } from "../command/errors.ts";
import { number, text, whole } from "../command/option.ts";
import type { Predictor } from "../engine.ts";
import { newestModel } from "../run/folder.ts";
import { type Serving, startServer } from "../serve/server.ts";
import { JSON_OPTION, MODEL_OPTION } from "./shared.ts";

export const serve: Command = defineCommand({
  description:
    "POST /predict with a picture, or JSON with several. Pictures that arrive together run together. Also: a page to " +
    "try it (/), /openapi.json, /healthz, /metrics. Ctrl-C finishes what it has accepted.",
  examples: [
    ["serve", "the newest run's best weights on http://127.0.0.1:8000"],
    ["serve model=best.safetensors port=80 host=0.0.0.0", "for other machines too"],
  ],
  options: {
    model: MODEL_OPTION,
    port: whole({ default: 8000, min: 0, max: 65535, help: "0: any that is free" }),
    host: text({ default: "127.0.0.1", help: "0.0.0.0 lets other machines in" }),
    batch: whole({ default: 16, min: 1, max: 256, help: "most pictures of one run, and of one request" }),
    queue: whole({ default: 64, min: 1, max: 10000, help: "requests at once; more are refused (429)" }),
    body: number({ default: 10, min: 0.001, max: 256, help: "MB that a request may have; more is refused (413)" }),
    pixels: number({ default: 50, min: 0.001, max: 120, help: "million pixels that a picture may have (413)" }),
    timeout: number({
      default: 10,
      min: 0.01,
      max: 3600,
      help: "seconds; a request that waits longer is refused (503)",
    }),
    threads: whole({ default: 0, min: 0, max: 64, help: "0: all cores" }),
    json: JSON_OPTION,
  },
  run: async (values, { terminal, engine, signal }) => {
    const { module, preprocessing, classes } = await readModel(values.model ?? (await newestModel()));
    const { channels, height, width, mean, std } = preprocessing;
    // A program takes the same time for a full batch and for one picture in it: hence one for each of some sizes.
    const sizes = [...new Set([1, Math.ceil(values.batch / 4), values.batch])];
    const predictors: Predictor[] = [];
    for (const batch of sizes) {
      predictors.push(
        await engine.predictor(module, {
          picture: [channels, height, width],
          statistics: { mean, std },
          batch,
          ...(values.threads > 0 ? { threads: values.threads } : {}),
        }),
      );
    }
    const predictorFor = (count: number): Predictor => predictors[sizes.findIndex((size) => size >= count)];
    try {
      let serving: Serving;
      try {
        serving = await startServer({
          ...values,
          classes,
          geometry: preprocessing,
          run: (images, count) => predictorFor(count).run(images),
          bodyBytes: Math.round(values.body * 1e6),
          heldBytes: Math.round(Math.max(values.body * 1e6, 256e6)),
          pixels: Math.round(values.pixels * 1e6),
          timeoutMs: values.timeout * 1000,
          onFault: (error) => terminal.note(error instanceof Error ? (error.stack ?? error.message) : String(error)),
        });
      } catch (error) {
        throw new UserError(`The server cannot listen on ${values.host}:${values.port}: ${reason(error)}.`);
      }
      terminal.say(`Listening on ${serving.url} (Ctrl-C stops)`);
      terminal.emit({ event: "listening", url: serving.url });
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      });
      terminal.note("Stopping: finishing what was accepted.");
      await serving.stop();
    } finally {
      for (const predictor of predictors) predictor.close();
    }
    return EXIT.fine;
  },
});
