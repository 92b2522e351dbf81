/** Loads, stores, atomics, select. */
import { type Meaning, type Meanings, lanesOf, bytesOf, nothing, signed, bitsOf, widths } from "./lanes.samples.ts";

export function memoryMeanings(): Meanings {
  const all: Record<string, Meaning> = {};
  for (const type of ["i32", "i64", "f32", "v128"]) {
    const size = type === "v128" ? 16 : bitsOf[type] / 8;
    const load: Meaning["run"] = (_, { memory }) => memory.slice(0, size);
    const store: Meaning["run"] = ([, x], { memory }) => (memory.set(x), nothing);
    all[`${type}.load`] = { run: load };
    all[`${type}.store`] = { run: store };
    all[`${type}.select`] = { run: ([a, b, c]) => (c.some((byte) => byte !== 0) ? a : b) };
    if (!type.startsWith("i")) continue;
    all[`${type}.atomicLoad`] = { run: load };
    all[`${type}.atomicStore`] = { run: store };
    for (const n of [8, 16, 32].filter((bits) => bits < size * 8)) {
      for (const mode of ["S", "U"]) {
        all[`${type}.load${n}${mode}`] = {
          run: (_, { memory }) => bytesOf([signed(n, mode, lanesOf(memory, n)[0])], size * 8),
        };
      }
      all[`${type}.store${n}`] = { run: ([, x], { memory }) => (memory.set(x.slice(0, n / 8)), nothing) };
    }
    const update = (fn: (old: bigint, x: bigint) => bigint): Meaning => ({
      run: ([, x], { memory }) => {
        const [old, a] = [memory.slice(0, size), x].map((bytes) => lanesOf(bytes, size * 8)[0]);
        memory.set(bytesOf([fn(old, a)], size * 8));
        return bytesOf([old], size * 8);
      },
    });
    all[`${type}.atomicRmwAdd`] = update((old, x) => old + x);
    all[`${type}.atomicRmwSub`] = update((old, x) => old - x);
    all[`${type}.atomicRmwXchg`] = update((_, x) => x);
  }
  for (const n of widths) {
    const size = n / 8;
    all[`v128.load${n}Splat`] = {
      run: (_, { memory }) => bytesOf(Array<bigint>(16 / size).fill(lanesOf(memory, n)[0]), n),
    };
    all[`v128.load${n}Zero`] = {
      run: (_, { memory }) => Uint8Array.from({ length: 16 }, (_byte, k) => (k < size ? memory[k] : 0)),
    };
    all[`v128.load${n}Lane`] = {
      run: ([, v], { lane, memory }) => bytesOf(lanesOf(v, n).with(lane, lanesOf(memory, n)[0]), n),
    };
    all[`v128.store${n}Lane`] = {
      run: ([, v], { lane, memory }) => (memory.set(v.slice(lane * size, (lane + 1) * size)), nothing),
    };
    for (const mode of ["S", "U"]) {
      all[`v128.load${n}x${64 / n}${mode}`] = {
        run: (_, { memory }) =>
          bytesOf(
            lanesOf(memory.slice(0, 8), n).map((lane) => signed(n, mode, lane)),
            2 * n,
          ),
      };
    }
  }
  return all;
}
