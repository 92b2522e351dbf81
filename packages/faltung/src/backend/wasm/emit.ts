/**
 * From a plan to one module: every kernel once, one function a job with the whole schedule inside, and two ways in:
 * `run(job)` for the caller, which is thread 0, and `work(tid)` for the other threads, who wait for jobs in it.
 */
import { type Func, type I32, ModuleBuilder, type Operand, call, i32 } from "../../wasm/index.ts";
import { FaltungError } from "../../tensor/errors.ts";
import type { Kernel, Plan, Region, Stage } from "../plan.ts";
import { type Step, estimate, schedule } from "../schedule.ts";
import { emitBarrier } from "./barrier.ts";
import { CONTROL } from "./control.ts";

export const PAGE_BYTES = 65536;

/** What one call of a kernel should take, by the schedule's estimate. */
const CALL_NS = 250_000;

export interface Emitted {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Per job, who runs what. */
  readonly steps: readonly (readonly Step[])[];
  readonly kernels: number;
}

/** Pages that hold an arena of so many bytes. */
export function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES);
}

/** A plan's jobs as functions of a module. */
export interface EmittedJobs {
  /** One a job: it takes the thread's number. */
  readonly jobs: readonly Func<readonly ["i32"], readonly []>[];
  readonly steps: readonly (readonly Step[])[];
  readonly kernels: number;
}

/** Emits the kernels and the jobs, into a module that has its memory. @param barrier where threads meet, if they do */
export function emitJobs(
  module: ModuleBuilder,
  plan: Plan,
  barrier?: Func<readonly ["i32"], readonly []>,
): EmittedJobs {
  const { threads } = plan;
  const kernels = new Map<string, Func>();
  const kernel = (k: Kernel): Func => {
    const known = kernels.get(k.key);
    if (known !== undefined) return known;
    const made = k.build(module);
    const expected = 3 + k.pointers + k.integers;
    if (made.params.length !== expected || made.results.length > 0) {
      throw new FaltungError(
        "plan",
        `kernel ${k.key}: its function takes ${made.params.length} arguments and gives ${made.results.length} results; ` +
          `${k.pointers} pointers and ${k.integers} integers mean ${expected} arguments and no result.`,
      );
    }
    kernels.set(k.key, made);
    return made;
  };

  const steps = plan.jobs.map((job) => schedule(job.stages, threads));
  const jobs = plan.jobs.map((job, j) => {
    const funcs = steps[j].map((step) => (step.kind === "call" ? kernel(step.stage.kernel) : undefined));
    return module.func({ name: `job.${job.name}`, params: ["i32"], results: [] }, (f, tid) => {
      const scratch = f.let(i32.add(i32.mul(tid, plan.scratch.stride), plan.scratch.address), "scratch");
      const [lo, hi, end] = [f.local("i32", "lo"), f.local("i32", "hi"), f.local("i32", "end")];
      steps[j].forEach((step, s) => {
        const func = funcs[s];
        if (step.kind === "barrier" || func === undefined) {
          if (barrier !== undefined) f.call(barrier, tid);
          return;
        }
        const { stage, parts, thread } = step;
        const tail = [...stage.pointers.map((p) => p.address), ...stage.integers];
        const chunk = itemsPerCall(stage);
        const run = (from: Operand<"i32">, to: Operand<"i32">, most: number): void => {
          if (chunk >= most) return f.do(call(func, from, to, scratch, ...tail));
          f.set(lo, from);
          f.set(end, to);
          f.while(i32.ltS(lo, end), () => {
            f.set(hi, i32.add(lo, chunk));
            f.atMost(hi, end);
            f.do(call(func, lo, hi, scratch, ...tail));
            f.set(lo, hi);
          });
        };
        if (threads === 1) {
          run(0, stage.work, stage.work);
        } else if (parts === 1) {
          f.if(i32.eq(tid, thread), () => run(0, stage.work, stage.work));
        } else {
          const share = (t: I32): I32 => share32(stage.work, t, parts);
          const divided = (): void => run(share(tid), share(i32.add(tid, 1)), Math.ceil(stage.work / parts));
          if (parts === threads) divided();
          else f.if(i32.ltU(tid, parts), divided);
        }
      });
    });
  });
  return { jobs, steps, kernels: kernels.size };
}

/** Emits the module. It imports its memory as `env.memory`, shared where the plan has more than one thread. */
export function emit(plan: Plan): Emitted {
  const module = new ModuleBuilder();
  const pages = pagesOf(plan.bytes);
  const { threads } = plan;
  module.importMemory("env", "memory", { initial: pages, maximum: pages, shared: threads > 1 });
  const barrier = threads > 1 ? emitBarrier(module, threads) : undefined;
  const { jobs, steps, kernels } = emitJobs(module, plan, barrier);
  const dispatch = module.func({ name: "dispatch", params: ["i32", "i32"], results: [] }, (f, job, tid) => {
    f.switch(
      job,
      jobs.map((func) => () => f.call(func, tid)),
      () => f.unreachable(),
    );
  });
  module.func({ params: ["i32"], results: [], exportAs: "run" }, (f, job) => {
    if (barrier !== undefined) {
      f.do(i32.atomicStore(CONTROL.job, job));
      f.call(barrier, 0);
    }
    f.call(dispatch, job, 0);
    if (barrier !== undefined) f.call(barrier, 0);
  });
  if (barrier !== undefined) {
    module.func({ params: ["i32"], results: [], exportAs: "work" }, (f, tid) => {
      const job = f.local("i32", "job");
      f.loop((again) => {
        f.call(barrier, tid);
        f.set(job, i32.atomicLoad(CONTROL.job));
        f.if(i32.ltS(job, 0), () => f.return());
        f.call(dispatch, job, tid);
        f.call(barrier, tid);
        f.br(again);
      });
    });
  }
  return { bytes: module.toBytes(), steps, kernels };
}

/**
 * Items of one call. V8 first runs a function as its quick compiler left it, several times slower, and exchanges it for
 * the optimised one between two calls, never within one: a long stage as a single call would stay slow throughout the
 * first step. So a call takes about a quarter of a millisecond, against which its own cost is nothing.
 */
function itemsPerCall(stage: Stage<Region>): number {
  return Math.max(1, Math.ceil(stage.work / Math.max(1, Math.round(estimate(stage) / CALL_NS))));
}

/** ⌊work × t / parts⌋, without overflow: the quotient's share plus the remainder's. */
function share32(work: number, t: I32, parts: number): I32 {
  const whole = Math.floor(work / parts);
  const rest = work % parts;
  const base = i32.mul(t, whole);
  return rest === 0 ? base : i32.add(base, i32.divU(i32.mul(t, rest), parts));
}
