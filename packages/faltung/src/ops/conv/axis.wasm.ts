/** Code for one dimension of a gather: which taps of a result lie inside, and where. */
import { type FunctionBuilder, type I32, type Local, i32 } from "../../wasm/index.ts";
import type { Axis } from "./axis.ts";

/** The taps of one result that lie inside: how many, and what one more costs in bytes. */
export interface TapRange {
  readonly count: number | Local<"i32">;
  readonly sourceHop: number;
  readonly weightHop: number;
}

/** Loops over a range; a loop of one turn is none. */
export function emitTapLoop(
  f: FunctionBuilder,
  range: TapRange,
  from: I32,
  weights: I32,
  body: (source: I32, weights: I32) => void,
): void {
  if (range.count === 0) return;
  if (range.count === 1) {
    body(from, weights);
    return;
  }
  const source = f.let(from, "tapFrom");
  const weight = f.let(weights, "tapWeights");
  const n = f.local("i32", "n");
  f.set(n, range.count);
  const turns = (): void =>
    f.countdown(n, () => {
      body(source, weight);
      f.advance(source, range.sourceHop);
      f.advance(weight, range.weightHop);
    });
  if (typeof range.count === "number") turns();
  else f.if(i32.gtS(n, 0), turns);
}

/** The result that position i of the axis makes. */
export function resultOf(axis: Axis, i: I32): I32 {
  return i32.add(axis.start, i32.mul(i, axis.stride));
}

/** Which taps of result i lie inside, and the bytes to the first of them in the source and in the weights. */
export function emitTapRange(
  f: FunctionBuilder,
  axis: Axis,
  i: Local<"i32">,
  sourceBytes: number,
  weightBytes: number,
): TapRange & { readonly source: I32; readonly weight: I32 } {
  const { step, shift, shiftHop, taps, source, count } = axis;
  const hops = { sourceHop: shiftHop * sourceBytes, weightHop: axis.tapHop * weightBytes };
  const inside = shift >= 0 && (count - 1) * step + shift + (taps - 1) * shiftHop < source;
  const at = i32.add(i32.mul(i, step), shift);
  if (inside || taps === 0) {
    return { ...hops, count: taps, source: i32.mul(at, sourceBytes), weight: i32.const(axis.tap * weightBytes) };
  }
  const first = f.let(at, "first");
  // ⌈−first / hop⌉ where that is positive; the last tap inside is ⌊(source − 1 − first) / hop⌋.
  const low = f.let(i32.divS(i32.sub(shiftHop - 1, first), shiftHop), "lowTap");
  f.if(i32.gtS(first, 0), () => f.set(low, 0));
  const high = f.let(i32.divS(i32.sub(source - 1 + shiftHop, first), shiftHop), "highTap");
  f.if(i32.gtS(first, source - 1), () => f.set(high, 0));
  f.atMost(high, taps);
  return {
    ...hops,
    count: f.let(i32.sub(high, low), "taps"),
    source: i32.mul(i32.add(first, i32.mul(low, shiftHop)), sourceBytes),
    weight: i32.mul(i32.add(axis.tap, i32.mul(low, axis.tapHop)), weightBytes),
  };
}

/** The results [from, to) of a forward axis whose tap `tap` lies inside. Empty where from ≥ to. */
export function emitPlaceRange(f: FunctionBuilder, axis: Axis, tap: I32): readonly [Local<"i32">, Local<"i32">] {
  const { step, shift, shiftHop, source, count } = axis;
  const first = f.let(i32.add(i32.mul(tap, shiftHop), shift), "tapCell");
  const from = f.let(i32.divS(i32.sub(step - 1, first), step), "from");
  f.if(i32.gtS(first, 0), () => f.set(from, 0));
  const to = f.let(i32.divS(i32.sub(source - 1 + step, first), step), "to");
  f.if(i32.gtS(first, source - 1), () => f.set(to, 0));
  f.atMost(to, count);
  return [from, to];
}
