/**
 * The arena's first bytes: where threads meet. Each word has a cache line (pair) of its own, so that a thread spinning
 * on one does not slow those that write the others.
 */
import { CONTROL_BYTES } from "../plan.ts";

/** Addresses in bytes. */
export const CONTROL = {
  /** Number of the job to run; −1 sends the workers home. */
  job: 128,
  /** Threads that have arrived at the barrier. */
  arrived: 256,
  /** Goes up by one at each barrier passed: what the waiting watch. */
  generation: 384,
  /** Threads asleep on `generation`: only then is a wake-up call needed. */
  sleepers: 512,
  /** Threads that were called but do not run yet. */
  waking: 516,
  /** 0, or 1 + the thread whose kernel trapped: every barrier then traps too, so that nobody waits for the dead. */
  poison: 640,
  /** 1 where thread 0 may sleep (a page's main thread may not: it spins). */
  mayBlock: 644,
  /** Length of the message, then its UTF-8 bytes. */
  message: 648,
} as const;

export const MESSAGE_BYTES: number = CONTROL_BYTES - CONTROL.message - 4;
