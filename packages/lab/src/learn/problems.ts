/** Small exercises with their answers, which are the library's own: nothing is worked out here by other means. */
import type { Words } from "@faltung/figure";
import {
  normaliseConv,
  normaliseTransposedConv,
  poolOutputSize,
  receptiveField,
  sourceIndex,
  spatialOutput,
} from "faltung/conv";
import type { ExerciseKind } from "./idea.ts";

export type Plane = readonly (readonly number[])[];

export interface Problem {
  readonly question: Words;
  /** Planes to look at, with their names. */
  readonly given: readonly { readonly name: Words; readonly role: "input" | "filter"; readonly plane: Plane }[];
  /** What is to be filled in: one number, or a plane of them. */
  readonly answer: Plane;
  /** Shown when asked for, or when the answer was wrong. */
  readonly hint: Words;
}

/** A small generator, so that "another one" is a new problem and a number brings it back. */
function dice(seed: number): (low: number, high: number) => number {
  let s = (seed * 2654435761 + 12345) >>> 0;
  return (low, high) => {
    s = (Math.imul(s ^ (s >>> 15), 2246822519) + 3266489917) >>> 0;
    return low + ((s >>> 8) % (high - low + 1));
  };
}

const grid = (rows: number, cols: number, cell: () => number): Plane =>
  Array.from({ length: rows }, () => Array.from({ length: cols }, cell));

/** One plane by one kernel, by the library's geometry. */
export function slide(x: Plane, w: Plane, flip: boolean): Plane {
  const g = normaliseConv({ flip }, [w.length, w[0].length], "exercise");
  const [rows, cols] = spatialOutput(g, [x.length, x[0].length], "exercise");
  return Array.from({ length: rows }, (_, p) =>
    Array.from({ length: cols }, (_, q) => {
      let sum = 0;
      w.forEach((row, i) =>
        row.forEach((value, j) => {
          const r = sourceIndex(g, 0, p, i, x.length);
          const c = sourceIndex(g, 1, q, j, x[0].length);
          if (r >= 0 && c >= 0) sum += value * x[r][c];
        }),
      );
      return sum;
    }),
  );
}

const IMAGE: Words = { en: "input", ko: "입력" };
const KERNEL: Words = { en: "filter", ko: "필터" };

export function problem(kind: ExerciseKind, seed: number): Problem {
  const roll = dice(seed);
  switch (kind) {
    case "size":
    case "size-dilated": {
      const dilated = kind === "size-dilated";
      const [n, k, s, p, d] = [roll(9, 32), 2 * roll(1, 2) + 1, roll(1, 3), roll(0, 2), dilated ? 2 : 1];
      const g = normaliseConv({ stride: s, padding: p, dilation: d }, [k], "exercise");
      const [size] = spatialOutput(g, [n], "exercise");
      const extent = d * (k - 1) + 1;
      return {
        question: {
          en: `An input ${n} cells wide, kernel ${k}, stride ${s}, padding ${p}${dilated ? `, dilation ${d}` : ""}. How wide is the output?`,
          ko: `입력의 너비가 ${n}, 커널 ${k}, 스트라이드 ${s}, 패딩 ${p}${dilated ? `, 팽창 ${d}` : ""}입니다. 출력의 너비는 얼마일까요?`,
        },
        given: [],
        answer: [[size]],
        hint: dilated
          ? {
              en: `⌊(${n} + 2·${p} − ${extent}) / ${s}⌋ + 1, since the kernel spans ${d}·(${k} − 1) + 1 = ${extent} cells.`,
              ko: `커널은 ${d}·(${k} − 1) + 1 = ${extent}칸에 걸치므로 ⌊(${n} + 2·${p} − ${extent}) / ${s}⌋ + 1입니다.`,
            }
          : { en: `⌊(${n} + 2·${p} − ${k}) / ${s}⌋ + 1`, ko: `⌊(${n} + 2·${p} − ${k}) / ${s}⌋ + 1` },
      };
    }
    case "transposed-size": {
      const [n, k, s, p] = [roll(3, 16), roll(2, 5), roll(1, 3), roll(0, 1)];
      const g = normaliseTransposedConv({ stride: s, padding: p }, [k], "exercise");
      const [size] = spatialOutput(g, [n], "exercise");
      return {
        question: {
          en: `A transposed convolution: input ${n} cells wide, kernel ${k}, stride ${s}, padding ${p}. How wide is the output?`,
          ko: `전치 합성곱입니다. 입력의 너비 ${n}, 커널 ${k}, 스트라이드 ${s}, 패딩 ${p}. 출력의 너비는 얼마일까요?`,
        },
        given: [],
        answer: [[size]],
        hint: { en: `(${n} − 1)·${s} − 2·${p} + ${k}`, ko: `(${n} − 1)·${s} − 2·${p} + ${k}` },
      };
    }
    case "receptive": {
      const layers = Array.from({ length: 3 }, () => ({ kernel: 2 * roll(1, 2) + 1, stride: roll(1, 2) }));
      const { size } = receptiveField(layers);
      const list = layers.map((l) => `${l.kernel}${l.stride > 1 ? `s${l.stride}` : ""}`).join(", ");
      return {
        question: {
          en: `Three layers, kernel and stride: ${list}. How wide is the receptive field of one cell at the end?`,
          ko: `층이 셋 있습니다(커널과 스트라이드): ${list}. 마지막 한 칸의 수용 영역 너비는 얼마일까요?`,
        },
        given: [],
        answer: [[size]],
        hint: {
          en: "Start with 1 and add (k − 1) × jump for each layer; the jump is the product of the strides before it.",
          ko: "1에서 시작해 층마다 (k − 1) × 간격(jump)을 더합니다. 간격은 그 앞에 있는 스트라이드를 모두 곱한 값입니다.",
        },
      };
    }
    case "parameters": {
      const [c, f, k] = [[1, 3, 16][roll(0, 2)], [8, 16, 32][roll(0, 2)], [1, 3, 5][roll(0, 2)]];
      return {
        question: {
          en: `nn.Conv2d(${c}, ${f}, ${k}): how many parameters, the biases included?`,
          ko: `nn.Conv2d(${c}, ${f}, ${k})의 매개변수는 편향을 포함해 몇 개일까요?`,
        },
        given: [],
        answer: [[f * c * k * k + f]],
        hint: { en: `${f} × ${c} × ${k} × ${k} + ${f}`, ko: `${f} × ${c} × ${k} × ${k} + ${f}` },
      };
    }
    case "cells":
    case "cells-flip": {
      const flip = kind === "cells-flip";
      const x = grid(3, 4, () => roll(0, 3));
      const w = grid(2, 2, () => roll(-1, 2));
      return {
        question: flip
          ? {
              en: "Fill in the true convolution (the filter is turned round first).",
              ko: "진짜 합성곱의 결과를 채우세요(필터를 먼저 뒤집습니다).",
            }
          : {
              en: "Fill in the output: no padding, stride 1, no flip.",
              ko: "출력을 채우세요. 패딩 없음, 스트라이드 1, 뒤집지 않음.",
            },
        given: [
          { name: IMAGE, role: "input", plane: x },
          { name: KERNEL, role: "filter", plane: w },
        ],
        answer: slide(x, w, flip),
        hint: {
          en: "Lay the filter on the input, multiply cell by cell, add up; then one step to the right.",
          ko: "필터를 입력 위에 놓고 칸끼리 곱해 모두 더합니다. 그다음 오른쪽으로 한 칸.",
        },
      };
    }
    case "discrete": {
      const a = grid(1, 3, () => roll(0, 3));
      const b = grid(1, 2, () => roll(1, 3));
      const padded = [[0, ...a[0], 0]];
      return {
        question: {
          en: "Fill in a ∗ b (full convolution): four numbers.",
          ko: "a ∗ b(full 합성곱)를 채우세요. 수 네 개입니다.",
        },
        given: [
          { name: { en: "a", ko: "a" }, role: "input", plane: a },
          { name: { en: "b", ko: "b" }, role: "filter", plane: b },
        ],
        answer: slide(padded, b, true),
        hint: {
          en: "It is how one multiplies polynomials: every pair of places is multiplied, and goes where the places add up to.",
          ko: "다항식의 곱셈과 같습니다. 모든 자리의 쌍을 곱해, 두 자리의 번호를 더한 자리에 더합니다.",
        },
      };
    }
    case "pool": {
      const x = grid(4, 4, () => roll(0, 9));
      const size = poolOutputSize(4, 2, 2, [0, 0], 1, false, "exercise");
      const answer = Array.from({ length: size }, (_, p) =>
        Array.from({ length: size }, (_, q) =>
          Math.max(x[2 * p][2 * q], x[2 * p][2 * q + 1], x[2 * p + 1][2 * q], x[2 * p + 1][2 * q + 1]),
        ),
      );
      return {
        question: {
          en: "Max pooling, window 2, stride 2: fill in the output.",
          ko: "최댓값 풀링, 창 2, 스트라이드 2. 출력을 채우세요.",
        },
        given: [{ name: IMAGE, role: "input", plane: x }],
        answer,
        hint: { en: "Of each block of four, the largest.", ko: "네 칸마다 가장 큰 수를 고릅니다." },
      };
    }
  }
}
