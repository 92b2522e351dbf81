/**
 * What one core can do at most, by this engine: multiply-adds in registers and nothing else, 128 bits wide; and a plain
 * copy of 64 MiB. With `barrier`: what it costs Faltung's two threads to wait for each other. Prints JSON.
 */
import { faltung } from "./faltung.mjs";
import { roofs } from "./roof-kernel.mjs";
import { quantile } from "./stats.mjs";

const { i32, memory, ModuleBuilder } = await faltung("wasm/index.js");

/** GB/s, read and written, of WebAssembly's own bulk copy. */
function copySpeed() {
  const bytes = 64 * 2 ** 20;
  const m = new ModuleBuilder();
  m.memory({ initial: (2 * bytes) / 65536 });
  m.func({ params: ["i32"], results: [], exportAs: "copy" }, (/** @type {any} */ f, /** @type {any} */ n) => {
    f.do(memory.copy(i32.const(bytes), i32.const(0), n));
  });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()));
  const copy = /** @type {(n: number) => void} */ (exports["copy"]);
  let best = Infinity;
  for (let i = 0; i < 12; i++) {
    const start = performance.now();
    copy(bytes);
    best = Math.min(best, performance.now() - start);
  }
  return (2 * bytes) / best / 1e6;
}

/** Microseconds. `wake`: a run that finds the other thread asleep; `idle`: share of a core that waiting costs. */
async function barrierCost() {
  const [{ hire, instantiate }, { CONTROL_BYTES }] = await Promise.all([
    faltung("backend/wasm/instance.js"),
    faltung("backend/plan.js"),
  ]);
  const stages = 200;
  const kernel = {
    key: "nothing",
    pointers: 1,
    integers: 0,
    build: (/** @type {any} */ module) =>
      module.func({ params: ["i32", "i32", "i32", "i32"], results: [] }, () => undefined),
  };
  const region = { address: CONTROL_BYTES, bytes: 64 };
  // Said to be large, so that it is divided; all write one place, so that a barrier stands before each.
  const stage = {
    label: "nothing",
    kernel,
    work: 2,
    pointers: [region],
    writes: [0],
    integers: [],
    scratch: 0,
    flops: 1e7,
    bytes: 0,
  };
  const timesOf = async (/** @type {number} */ threads) => {
    const jobs = [stages, 1].map((n) => ({ name: `${n}`, stages: Array.from({ length: n }, () => stage) }));
    const plan = { jobs, threads, bytes: CONTROL_BYTES + 65536, scratch: { address: CONTROL_BYTES + 1024, stride: 0 } };
    const instance = await instantiate(plan, hire(threads - 1));
    const each = [];
    for (let i = 0; i < 300; i++) {
      const start = performance.now();
      instance.run(0);
      each.push(((performance.now() - start) * 1000) / stages);
    }
    const wakes = [];
    const rest = new Int32Array(new SharedArrayBuffer(4));
    const before = process.cpuUsage();
    for (let i = 0; i < 20; i++) {
      Atomics.wait(rest, 0, 0, 20);
      const start = performance.now();
      instance.run(1);
      wakes.push((performance.now() - start) * 1000);
    }
    const { user, system } = process.cpuUsage(before);
    instance.close();
    return { each, wake: quantile(wakes, 0.5), idle: (user + system) / 1000 / (20 * 20) };
  };
  const one = quantile((await timesOf(1)).each, 0.5);
  const two = await timesOf(2);
  return { median: quantile(two.each, 0.5) - one, low: quantile(two.each, 0.1) - one, wake: two.wake, idle: two.idle };
}

const { plain, fma } = roofs();
const barrier = process.argv[2] === "barrier" ? await barrierCost() : null;
console.log(
  JSON.stringify({ node: process.versions.node, roof: Math.max(plain, fma), plain, fma, copy: copySpeed(), barrier }),
);
process.exit(0);
