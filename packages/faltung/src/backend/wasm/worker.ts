/**
 * What a worker runs, as text: the same in Node (`new Worker(text, { eval: true })`) and in a browser (a Blob's URL), so
 * that no bundler has to find a second file. It waits for a module and a memory, says "ready", and then lives inside
 * WebAssembly until the program is closed. What it throws it writes into the arena, where the other threads look.
 */
import { CONTROL, MESSAGE_BYTES } from "./control.ts";

/** What a worker is sent. */
export interface Assignment {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly thread: number;
}

export const WORKER_SOURCE: string = `"use strict";
const node = typeof process === "object" && process.getBuiltinModule
  ? process.getBuiltinModule("node:worker_threads") : undefined;
const port = node ? node.parentPort : self;
const receive = ({ module, memory, thread }) => {
  const words = new Int32Array(memory.buffer, 0, ${CONTROL.message / 4 + 1});
  try {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    port.postMessage("ready");
    exports.work(thread);
  } catch (error) {
    if (Atomics.compareExchange(words, ${CONTROL.poison / 4}, 0, thread + 1) === 0) {
      const text = new TextEncoder().encode(String(error)).subarray(0, ${MESSAGE_BYTES});
      new Uint8Array(memory.buffer, ${CONTROL.message + 4}, text.length).set(text);
      Atomics.store(words, ${CONTROL.message / 4}, text.length);
    }
    Atomics.add(words, ${CONTROL.generation / 4}, 1);
    Atomics.notify(words, ${CONTROL.generation / 4});
    port.postMessage(String(error));
  }
  if (node) port.close(); else self.close();
};
if (node) port.once("message", receive); else self.onmessage = (event) => receive(event.data);
`;
