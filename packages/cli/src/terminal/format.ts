/** Numbers for people. */

/** 12,345 */
export function thousands(n: number): string {
  return Math.round(n)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");
}

/** 99,258 · 1.23 M · 4.56 G */
export function compact(n: number): string {
  if (n < 1e6) return thousands(n);
  return n < 1e9 ? `${(n / 1e6).toFixed(2)} M` : `${(n / 1e9).toFixed(2)} G`;
}

/** 98.3 % as 98.3%, and 100%. */
export function percent(share: number, digits: number = 2): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(digits)}%` : "–";
}

/** Losses have four decimals; large and tiny ones an exponent. */
export function loss(x: number): string {
  return Math.abs(x) < 1e4 ? x.toFixed(4) : x.toExponential(2);
}

/** 0:07, 12:30, 1:02:03 */
export function clock(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–:––";
  const s = Math.max(0, Math.round(seconds));
  const two = (n: number): string => String(n).padStart(2, "0");
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes}:${two(s % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(s % 60)}`;
}

/** 3.4 s, 12:30 */
export function duration(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : clock(seconds);
}

/** 850 B, 55.0 kB, 1.2 MB (powers of 1000) */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  if (n < 1e6) return `${(n / 1e3).toFixed(1)} kB`;
  return n < 1e9 ? `${(n / 1e6).toFixed(1)} MB` : `${(n / 1e9).toFixed(2)} GB`;
}

/** "1 picture", "2 pictures", "1,200 classes" */
export function count(n: number, one: string, many: string = `${one}s`): string {
  return `${thousands(n)} ${n === 1 ? one : many}`;
}
