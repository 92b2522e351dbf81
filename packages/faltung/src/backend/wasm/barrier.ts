/**
 * The barrier: a counter of arrivals and a generation, on shared memory. Who waits spins for a while, then sleeps until
 * woken, so that a waiting thread never holds a core that another one needs, and an idle program uses none.
 *
 * Bounded spinning has a trap. Waking a thread takes longer (10 to 100 µs) than most stages. Once one thread has slept,
 * the other reaches the next barrier first and, if it too gives up while its partner is still waking, must be woken in
 * its turn: from then on each barrier costs a wake-up. So who waits goes on spinning while a thread is being woken.
 */
import { type Expr, type Func, type ModuleBuilder, i32, memory } from "../../wasm/index.ts";
import { CONTROL } from "./control.ts";

/**
 * Turns of the waiting loop before sleep: 20 to 100 µs. A turn is a fence, which takes 14 ns on an Intel core and up to 70
 * elsewhere, however the loop is compiled. With 600 turns, 9 µs on that core, two threads slept and woke within most
 * passes of MobileNetV2 (9.1 ms a pass; 8.0 with 1500); with 3000 they were slower beside a third program (23 ms; 16).
 */
const SPIN_TURNS = 1500;
/** How many times longer to wait for a thread that is on its way. */
const PATIENCE = 5;

/** `barrier(tid)`: returns when all `threads` have called it; traps when one of them has trapped. */
export function emitBarrier(module: ModuleBuilder, threads: number): Func<readonly ["i32"], readonly []> {
  return module.func({ name: "barrier", params: ["i32"], results: [] }, (f, tid) => {
    const load = (address: number): Expr<"i32"> => i32.atomicLoad(address);
    const mine = f.let(load(CONTROL.generation), "mine");
    const turns = f.local("i32", "turns");
    const patience = f.local("i32", "patience");
    const same = (): Expr<"i32"> => i32.eq(load(CONTROL.generation), mine);
    // Who poisons sets the word first and the generation second: reading them the other way round misses neither.
    f.if(load(CONTROL.poison), () => f.unreachable());
    f.if(i32.eq(i32.atomicRmwAdd(CONTROL.arrived, 1), threads - 1), () => {
      f.do(i32.atomicStore(CONTROL.arrived, 0));
      f.do(i32.atomicStore(CONTROL.generation, i32.add(mine, 1)));
      // Who falls asleep counts itself first and looks at the generation second: none is missed here.
      const sleepers = f.let(i32.atomicRmwXchg(CONTROL.sleepers, 0), "sleepers");
      f.if(sleepers, () => {
        f.do(i32.atomicRmwAdd(CONTROL.waking, sleepers));
        f.do(memory.atomicNotify(CONTROL.generation, -1));
      });
      f.return();
    });
    f.block((passed) => {
      f.set(patience, PATIENCE);
      f.loop((wait) => {
        f.set(turns, SPIN_TURNS);
        f.loop((again) => {
          f.brIf(passed, i32.eqz(same()));
          f.do(memory.atomicFence());
          f.brIf(again, f.tee(turns, i32.sub(turns, 1)));
        });
        f.brIf(wait, i32.and(i32.eqz(tid), i32.eqz(load(CONTROL.mayBlock))));
        f.set(patience, i32.sub(patience, 1));
        f.brIf(wait, i32.and(i32.gtS(load(CONTROL.waking), 0), i32.gtS(patience, 0)));
      });
      // Counted anew each time: a late call for the barrier before may wake a thread that has gone to sleep at this one.
      f.loop((again) => {
        f.do(i32.atomicRmwAdd(CONTROL.sleepers, 1));
        f.do(memory.atomicWait32(CONTROL.generation, mine, -1n));
        f.do(i32.atomicRmwSub(CONTROL.waking, 1));
        f.brIf(again, same());
      });
    });
    f.if(load(CONTROL.poison), () => f.unreachable());
  });
}
