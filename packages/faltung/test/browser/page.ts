/** What the browser loads, as a page and as a worker: it answers with the scenario's outcome. */
import { type CompileOptions, PlatformError } from "../../src/index.ts";
import { type Outcome, trainTiny } from "./scenario.ts";

export interface Question {
  readonly options: CompileOptions;
  readonly worker: boolean;
}

async function inWorker(options: CompileOptions): Promise<Outcome> {
  const worker = new Worker(import.meta.url, { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.addEventListener("message", ({ data }: MessageEvent<Outcome | string>) => {
        if (typeof data === "string") reject(new PlatformError(data));
        else resolve(data);
      });
      worker.addEventListener("error", (event) => reject(new PlatformError(event.message)));
      worker.postMessage(options);
    });
  } finally {
    worker.terminate();
  }
}

if (typeof document === "undefined") {
  globalThis.addEventListener("message", ({ data }: MessageEvent<CompileOptions>) => {
    trainTiny(data).then(postMessage, (error: unknown) => postMessage(String(error)));
  });
} else {
  const ask = ({ options, worker }: Question): Promise<Outcome> => (worker ? inWorker(options) : trainTiny(options));
  Object.assign(globalThis, { ask });
}
