import { afterEach, expect, test } from "vitest";
import { PlatformError } from "../../tensor/errors.ts";
import { f32, i32 } from "../../wasm/index.ts";
import { defineKernel } from "../kernel.ts";
import { CONTROL_BYTES, type Kernel, type Plan, type Region, type Stage } from "../plan.ts";
import { CONTROL } from "./control.ts";
import { type WasmInstance, hire, instantiate } from "./instance.ts";

/** y[i] = x[i] + x[n − 1 − i]: every element needs what another thread may have written. */
const fold = defineKernel({ key: "fold", name: "fold", pointers: 2, integers: 1 }, (f, lo, hi, _scratch, x, y, n) => {
  const i = f.local("i32", "i");
  f.for(i, lo, hi, 1, () => {
    const at = (k: ReturnType<typeof i32.add>): ReturnType<typeof f32.load> => f32.load(i32.add(x, i32.shl(k, 2)));
    const mirrored = i32.sub(i32.sub(n, 1), i);
    f.do(f32.store(i32.add(y, i32.shl(i, 2)), f32.add(at(i), f32.mul(at(mirrored), 0.5))));
  });
});

const trap = defineKernel({ key: "trap", name: "trap", pointers: 1, integers: 1 }, (f, lo, _hi, _scratch, _x, from) => {
  f.if(i32.geS(lo, from), () => f.unreachable());
});

function stage(
  kernel: Kernel,
  work: number,
  pointers: Region[],
  writes: number[],
  integers: number[],
  flops: number,
): Stage<Region> {
  return { label: kernel.key, kernel, work, pointers, writes, integers, scratch: 0, flops, bytes: 0 };
}

const N = 64;
const x: Region = { address: CONTROL_BYTES, bytes: 4 * N };
const y: Region = { address: CONTROL_BYTES + 4 * N, bytes: 4 * N };
const DIVIDED = 1e7;

function planOf(threads: number, stages: readonly Stage<Region>[]): Plan {
  const bytes = CONTROL_BYTES + 8 * N;
  return { jobs: [{ name: "step", stages }], threads, bytes, scratch: { address: bytes, stride: 0 } };
}

const open: WasmInstance[] = [];
afterEach(() => open.splice(0).forEach((instance) => instance.close()));

async function start(plan: Plan): Promise<WasmInstance> {
  const instance = await instantiate(plan, hire(plan.threads - 1));
  open.push(instance);
  return instance;
}

const there = stage(fold, N, [x, y], [1], [N], DIVIDED);
const back = stage(fold, N, [y, x], [1], [N], DIVIDED);

for (const threads of [2, 3]) {
  test(`100,000 barriers among ${threads} threads: every element sees its partner's newest value`, async () => {
    const run = async (count: number): Promise<string> => {
      const chain = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? there : back));
      const { memory, run } = await start(planOf(count, chain));
      const data = new Float32Array(memory.buffer, x.address, N);
      for (let i = 0; i < N; i++) data[i] = Math.sin(i);
      for (let step = 0; step < 1000; step++) {
        run(0);
        const scale = 1 / Math.max(...data.map(Math.abs));
        for (let i = 0; i < N; i++) data[i] *= scale;
      }
      return data.join();
    };
    expect(await run(threads)).toBe(await run(1));
  }, 300_000); // more threads than cores that are free: each barrier then waits for the scheduler
}

test("an idle program uses no processor time", async () => {
  const { run } = await start(planOf(3, [there, back]));
  run(0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(60); // milliseconds of 300: the test runner itself needs a few
});

for (const [who, from] of [
  ["the caller", 0],
  ["a worker", 1],
] as const) {
  test(`a kernel that traps on ${who} ends in a typed error, not in waiting`, async () => {
    const { run } = await start(planOf(2, [stage(trap, 2, [x], [0], [from], DIVIDED), there, back]));
    expect(() => run(0)).toThrow(PlatformError);
    expect(() => run(0)).toThrow(/step: the program was closed after a kernel had trapped .*unreachable/);
  });
}

test("the message names the thread that trapped first", async () => {
  const { run } = await start(planOf(2, [stage(trap, 2, [x], [0], [1], DIVIDED)]));
  expect(() => run(0)).toThrow(/unreachable.* on thread 1/);
});

test("a closed program says so, and its workers end", async () => {
  const { run, close, memory } = await start(planOf(2, [there]));
  run(0);
  close();
  close();
  expect(() => run(0)).toThrow(/step: the program was closed\./);
  expect(Atomics.load(new Int32Array(memory.buffer), CONTROL.poison / 4)).toBe(0);
});

test("an arena beyond 4 GiB is refused with the figure, before anything is allocated", async () => {
  const plan = { ...planOf(1, [there]), bytes: 5 * 2 ** 30 };
  await expect(instantiate(plan, hire(0))).rejects.toThrow(/needs 5.00 GiB.* at most 4 GiB.*smaller batch/);
});

test("a kernel whose function has another signature than it says is named", async () => {
  const wrong: Kernel = { ...fold, key: "wrong", integers: 2 };
  await expect(instantiate(planOf(1, [stage(wrong, N, [x, y], [1], [N, 0], 1)]), hire(0))).rejects.toThrow(
    /kernel wrong: its function takes 6 arguments/,
  );
});
