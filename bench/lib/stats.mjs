/** Medians and what goes with them. */

/** The q-th quantile, linearly between neighbours. @param {readonly number[]} values @param {number} q */
export function quantile(values, q) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * (sorted[Math.ceil(at)] - sorted[low]);
}

/** @param {readonly number[]} values */
export const median = (values) => quantile(values, 0.5);

/** Largest |a − b| relative to the largest |b|; NaN where anything is not finite. @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
export function relativeError(a, b) {
  if (a.length !== b.length) return NaN;
  let most = 0;
  let scale = 0;
  for (let i = 0; i < a.length; i++) {
    if (!Number.isFinite(a[i])) return NaN;
    most = Math.max(most, Math.abs(a[i] - b[i]));
    scale = Math.max(scale, Math.abs(b[i]));
  }
  return most / (scale || 1);
}

/** Below this many ms a run is seldom interrupted, and the processor's clock may miss a part of it. */
const SHORT = 5;

/**
 * The time of a run on one thread of a busy machine. A short one by the clock on the wall, the least of many: processor
 * time leaves out up to tens of microseconds, and the least of many would show speeds that no core has. A long one is always
 * interrupted somewhere: its processor time.
 * @param {number} wall @param {number} cpu ms
 */
export const undisturbed = (wall, cpu) => (wall < SHORT || cpu < SHORT ? wall : cpu);
