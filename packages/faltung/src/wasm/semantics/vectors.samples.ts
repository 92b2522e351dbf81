/** Vector instructions that are not lane by lane. */
import { float32Of, truncated } from "./conversions.samples.ts";
import {
  type Meaning,
  type Meanings,
  S,
  lanesOf,
  bytesOf,
  floatsOf,
  floatBytes,
  bool,
  satS,
  satU,
  signed,
  widths,
  spaceOf,
} from "./lanes.samples.ts";

export function laneMeanings(): Meanings {
  const all: Record<string, Meaning> = {};
  const spaces: readonly (readonly [string, number])[] = [
    ...widths.map((n) => [spaceOf[n], n] as const),
    ["f32x4", 32],
  ];
  for (const [space, n] of spaces) {
    const size = n / 8;
    all[`${space}.splat`] = {
      run: ([x]) => bytesOf(Array<bigint>(16 / size).fill(lanesOf(x.slice(0, size), n)[0]), n),
    };
    all[`${space}.extractLane`] = { run: ([v], { lane }) => bytesOf([lanesOf(v, n)[lane]], n) };
    all[`${space}.replaceLane`] = {
      run: ([v, x], { lane }) => bytesOf(lanesOf(v, n).with(lane, lanesOf(x, n)[0]), n),
    };
    all[`${space}.allTrue`] = { run: ([v]) => bool(lanesOf(v, n).every((lane) => lane !== 0n)) };
  }
  return all;
}

export function widthMeanings(): Meanings {
  const all: Record<string, Meaning> = {};
  for (const n of [8, 16, 32] as const) {
    const [from, to] = [spaceOf[n].toUpperCase().replace("X", "x"), spaceOf[2 * n]];
    for (const mode of ["S", "U"]) {
      const wide = (v: Uint8Array): bigint[] => lanesOf(v, n).map((lane) => signed(n, mode, lane));
      for (const part of ["Low", "High"]) {
        const half = (list: bigint[]): bigint[] =>
          part === "Low" ? list.slice(0, list.length / 2) : list.slice(list.length / 2);
        all[`${to}.extend${part}${from}${mode}`] = { run: ([v]) => bytesOf(half(wide(v)), 2 * n) };
      }
    }
  }
  for (const n of [16, 32] as const) {
    const from = spaceOf[n].toUpperCase().replace("X", "x");
    for (const mode of ["S", "U"]) {
      const saturate = mode === "S" ? satS : satU;
      all[`${spaceOf[n / 2]}.narrow${from}${mode}`] = {
        run: ([v, w]) =>
          bytesOf(
            [v, w].flatMap((x) => lanesOf(x, n)).map((lane) => saturate(n / 2, S(n, lane))),
            n / 2,
          ),
      };
    }
  }
  return all;
}

function pairs(list: readonly bigint[]): (readonly [bigint, bigint])[] {
  return Array.from({ length: list.length / 2 }, (_, k) => [list[2 * k], list[2 * k + 1]] as const);
}

const dot = (v: Uint8Array, w: Uint8Array, n: number): bigint[] => {
  const products = lanesOf(v, n).map((a, k) => S(n, a) * S(n, lanesOf(w, n)[k]));
  return pairs(products).map(([a, b]) => a + b);
};
/** The second operand of a relaxed dot product is 7 bits wide. */
const sevenBits: Meaning["domain"] = (ops) => ops[1].forEach((byte, k) => ops[1].set([byte & 0x7f], k));

export function vectorConversions(): Meanings {
  const truncate =
    (n: 32 | 64): Meaning["run"] =>
    ([v]) =>
      bytesOf([...floatsOf(v, n), 0, 0].slice(0, 4).map(truncated), 32);
  return {
    "i32x4.truncSatF32x4S": { run: truncate(32) },
    "i32x4.truncSatF64x2SZero": { run: truncate(64) },
    "f32x4.convertI32x4S": {
      run: ([v]) =>
        floatBytes(
          lanesOf(v, 32).map((lane) => float32Of(S(32, lane))),
          32,
        ),
    },
    "f32x4.demoteF64x2Zero": { nan: 4, run: ([v]) => floatBytes([...floatsOf(v, 64), 0, 0], 32) },
    "f64x2.promoteLowF32x4": { nan: 8, run: ([v]) => floatBytes(floatsOf(v, 32).slice(0, 2), 64) },
    "v128.anyTrue": { run: ([v]) => bool(v.some((byte) => byte !== 0)) },
    "i8x16.shuffle": { run: ([v, w], { lanes }) => Uint8Array.from(lanes, (i) => (i < 16 ? v[i] : w[i - 16])) },
    "i32x4.dotI16x8S": { run: ([v, w]) => bytesOf(dot(v, w, 16), 32) },
    "i32x4.relaxedDotI8x16I7x16AddS": {
      run: ([v, w, c]) => {
        const sums = pairs(dot(v, w, 8)).map(([a, b]) => a + b);
        return bytesOf(
          sums.map((sum, k) => sum + lanesOf(c, 32)[k]),
          32,
        );
      },
      domain: sevenBits,
    },
  };
}
