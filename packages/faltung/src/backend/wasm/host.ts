/**
 * Workers and cores of the host: Node's worker_threads or a browser's Web Workers behind one small interface. Nothing is
 * imported, so that the package can be bundled for a browser.
 */
import { wasmFeatures } from "../../wasm/index.ts";
import { WORKER_SOURCE } from "./worker.ts";

/** A worker that runs {@link WORKER_SOURCE}. */
export interface HostWorker {
  send(message: unknown): void;
  /** Called with each message, and with the error that ends the worker. */
  listen(message: (data: unknown) => void, error: (error: unknown) => void): void;
  terminate(): void;
}

interface NodeWorker {
  postMessage(message: unknown): void;
  on(event: "message" | "error", listener: (value: unknown) => void): void;
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
}

interface NodeThreads {
  readonly Worker: new (source: string, options: { eval: true; execArgv: string[]; name: string }) => NodeWorker;
}

interface NodeOs {
  availableParallelism(): number;
}

interface NodeProcess {
  getBuiltinModule?(name: string): unknown;
}

/** Node's built-in module, or undefined elsewhere. */
export function nodeModule<T>(name: string): T | undefined {
  const { process } = globalThis as { readonly process?: NodeProcess };
  return process?.getBuiltinModule?.(name) as T | undefined;
}

/** Cores that this process may use. */
export function availableCores(): number {
  const os = nodeModule<NodeOs>("node:os");
  if (os !== undefined) return os.availableParallelism();
  return globalThis.navigator?.hardwareConcurrency ?? 1;
}

/** Why there can be only one thread here, or undefined where there can be more. */
export function threadsMissing(): string | undefined {
  if (!wasmFeatures().threads) {
    const isolated = (globalThis as { readonly crossOriginIsolated?: boolean }).crossOriginIsolated;
    return isolated === false
      ? "this page is not cross-origin isolated (serve it with Cross-Origin-Opener-Policy: same-origin and " +
          "Cross-Origin-Embedder-Policy: require-corp), so there is no SharedArrayBuffer"
      : "this engine has no shared WebAssembly memory";
  }
  if (nodeModule("node:worker_threads") === undefined && typeof Worker !== "function")
    return "there are no workers here";
  return undefined;
}

/** True where the calling thread may sleep: everywhere but on a page's main thread. */
export function mayBlock(): boolean {
  return nodeModule("node:worker_threads") !== undefined || typeof document === "undefined";
}

/** Starts a worker. A Node process may exit while it lives. @throws whatever the host throws. */
export function startWorker(name: string): HostWorker {
  const threads = nodeModule<NodeThreads>("node:worker_threads");
  if (threads !== undefined) {
    const worker = new threads.Worker(WORKER_SOURCE, { eval: true, execArgv: [], name });
    return {
      send: (message) => worker.postMessage(message),
      listen(message, error) {
        worker.on("message", (data) => {
          worker.unref();
          message(data);
        });
        worker.on("error", error);
      },
      terminate: () => void worker.terminate(),
    };
  }
  const url = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: "text/javascript" }));
  const worker = new Worker(url, { name });
  return {
    send: (message) => worker.postMessage(message),
    listen(message, error) {
      worker.addEventListener("message", (event) => {
        URL.revokeObjectURL(url);
        message(event.data);
      });
      worker.addEventListener("error", (event) => error(event.message || "the worker could not be loaded"));
    },
    terminate: () => worker.terminate(),
  };
}
