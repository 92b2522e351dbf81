/** Pooling: https://onnx.ai/onnx/operators/onnx__AveragePool.html and its neighbours. */
import {
  abs,
  add,
  cast,
  div,
  eq,
  floor,
  mul,
  pow,
  sqrt,
  square,
  sub,
  where,
} from "../../../ops/elementwise/elementwise.ts";
import { kernelExtent } from "../../../ops/conv/geometry.ts";
import type { Value } from "../../../ops/op.ts";
import {
  avgPool1d,
  avgPool2d,
  avgPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  maxPoolIndex,
  normaliseWindow,
} from "../../../ops/pool/pool.ts";
import { max, mean, sum } from "../../../ops/reduce/reduce.ts";
import { type Range, reshape, slice } from "../../../ops/shape/shape.ts";
import { show, sizeOf, stridesOf } from "../../../tensor/shape.ts";
import { isFloat } from "../dtype.ts";
import type { Built, Operator, OnnxNode, Operators } from "../node.ts";
import { type Window, windowOf } from "./conv.ts";
import { carrier, numbers } from "./helpers.ts";
import { padAll } from "./shape.ts";

interface Pooling extends Window {
  readonly ceilMode: boolean;
  readonly spatial: readonly number[];
  /** Spatial size of the result. */
  readonly output: readonly number[];
}

function poolingOf(node: OnnxNode, x: Value): Pooling {
  const spatial = x.shape.slice(2);
  if (spatial.length < 1 || spatial.length > 3)
    node.unsupported(`x has the shape ${show(x.shape)}; 1 to 3 spatial axes are possible`);
  const w = windowOf(node, spatial);
  const ceilMode = node.int("ceil_mode", 0) !== 0;
  const output = spatial.map((n, d) => {
    const [begin, end] = w.padding[d];
    const steps = (n + begin + end - kernelExtent(w.kernel[d], w.dilation[d])) / w.stride[d];
    const size = (ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // A last window that would start in the padding behind is dropped.
    const kept = ceilMode && (size - 1) * w.stride[d] >= n + begin ? size - 1 : size;
    if (kept < 1)
      node.fail(
        `the window ${show(w.kernel)} does not fit into ${show(spatial)}, padded by ${JSON.stringify(w.padding)}.`,
      );
    return kept;
  });
  return { ...w, ceilMode, spatial, output };
}

/** Our pooling takes a window's padding up to half of its extent, so that no window is all padding. */
function isUsual({ kernel, dilation, padding }: Pooling): boolean {
  return padding.every(([b, e], d) => Math.max(b, e) <= Math.floor(kernelExtent(kernel[d], dilation[d]) / 2));
}

/** Pads as far as the last window reaches, so that all windows lie inside. */
function paddedFor(x: Value, p: Pooling, value: number): Value {
  const after = p.output.map((o, d) => {
    const reach = (o - 1) * p.stride[d] + kernelExtent(p.kernel[d], p.dilation[d]);
    return reach - p.padding[d][0] - p.spatial[d];
  });
  return padAll(x, [0, 0, ...p.padding.map(([b]) => b)], [0, 0, ...after], { value });
}

const maxPool: Operator = {
  build(node): readonly (Built | undefined)[] {
    const type = node.type();
    const x = cast(node.value(0), "float32");
    const p = poolingOf(node, x);
    const rank = p.spatial.length;
    const pool = [maxPool1d, maxPool2d, maxPool3d][rank - 1];
    const { stride, dilation, padding, ceilMode } = p;
    const usual = isUsual(p);
    const y = usual
      ? pool(x, p.kernel, { stride, dilation, padding, ceilMode })
      : pool(paddedFor(x, p, -Infinity), p.kernel, { stride, dilation });
    const value = isFloat(type) ? y : cast(y, carrier(type));
    if (!node.wants(1)) return [value];
    if (!usual) node.unsupported("indices of windows whose padding is more than half of them");
    return [value, { type: "int64", value: maxPlaces(node, x, p) }];
  },
};

/** Places of the maxima in x as a flat list: row-major, or with `storage_order` 1 column-major within a plane. */
function maxPlaces(node: OnnxNode, x: Value, p: Pooling): Value {
  const rank = p.spatial.length;
  const { stride, dilation, padding, ceilMode } = p;
  const tap = cast(
    maxPoolIndex(x, normaliseWindow(rank, p.kernel, { stride, dilation, padding, ceilMode }, node.label)),
    "int32",
  );
  const columnMajor = node.int("storage_order", 0) !== 0;
  const strides = columnMajor ? stridesOf([...p.spatial].reverse()).reverse() : stridesOf(p.spatial);
  const inner = stridesOf(p.kernel);
  const along = (d: number, values: readonly number[]): Value =>
    numbers(
      values,
      Array.from({ length: rank + 2 }, (_, i) => (i === d ? values.length : 1)),
      "int32",
    );
  const plane = sizeOf(p.spatial);
  const [n, c] = x.shape;
  let places = add(
    along(
      0,
      Array.from({ length: n }, (_, i) => i * c * plane),
    ),
    along(
      1,
      Array.from({ length: c }, (_, i) => i * plane),
    ),
  );
  let rest = tap;
  for (let d = 0; d < rank; d++) {
    const t = cast(floor(mul(add(cast(rest, "float32"), 0.5), 1 / inner[d])), "int32"); // taps are few: exact
    rest = sub(rest, mul(t, inner[d]));
    const first = Array.from({ length: p.output[d] }, (_, o) => (o * stride[d] - padding[d][0]) * strides[d]);
    places = add(places, add(along(d + 2, first), mul(t, dilation[d] * strides[d])));
  }
  return places;
}

/** Σ over each window, padding counting as zeros. */
function windowSums(x: Value, p: Pooling): Value {
  const rank = p.spatial.length;
  const { stride, padding, ceilMode } = p;
  if (isUsual(p) && p.dilation.every((d) => d === 1)) {
    return [avgPool1d, avgPool2d, avgPool3d][rank - 1](x, p.kernel, { stride, padding, ceilMode, divisorOverride: 1 });
  }
  // One axis after the other: the taps of a window are slices, one step apart.
  return p.spatial.reduce(
    (y, _, d) => {
      const taps = Array.from({ length: p.kernel[d] }, (_unused, t) => {
        const from = t * p.dilation[d];
        const to = from + (p.output[d] - 1) * stride[d] + 1;
        const ranges: Range[] = y.shape.map((_n, i) => (i === d + 2 ? [from, to, stride[d]] : []));
        return slice(y, ranges);
      });
      return taps.reduce(add);
    },
    paddedFor(x, p, 0),
  );
}

/** How many cells each output's window counts along an axis. */
function counts(p: Pooling, d: number, countPadding: boolean): number[] {
  const [begin, end] = p.padding[d];
  const [low, high] = countPadding ? [-begin, p.spatial[d] + end] : [0, p.spatial[d]];
  return Array.from({ length: p.output[d] }, (_, o) => {
    let count = 0;
    for (let t = 0; t < p.kernel[d]; t++) {
      const place = o * p.stride[d] - begin + t * p.dilation[d];
      if (place >= low && place < high) count++;
    }
    return count;
  });
}

/** The mean of each window of x, as the node's attributes describe it. */
export function averagePool(node: OnnxNode, x: Value): Value {
  const p = poolingOf(node, x);
  const rank = p.spatial.length;
  const countIncludePad = node.int("count_include_pad", 0) !== 0;
  const { stride, padding, ceilMode } = p;
  if (isUsual(p) && p.dilation.every((d) => d === 1)) {
    return [avgPool1d, avgPool2d, avgPool3d][rank - 1](x, p.kernel, { stride, padding, ceilMode, countIncludePad });
  }
  return p.spatial.reduce(
    (y, _, d) => {
      const list = counts(p, d, countIncludePad);
      return div(
        y,
        numbers(
          list,
          Array.from({ length: rank + 2 }, (_n, i) => (i === d + 2 ? list.length : 1)),
        ),
      );
    },
    windowSums(x, p),
  );
}

function root(x: Value, p: number): Value {
  if (p === 1) return x;
  return p === 2 ? sqrt(x) : pow(x, 1 / p);
}

function powerOf(x: Value, p: number): Value {
  if (p === 1) return abs(x);
  return p === 2 ? square(x) : pow(abs(x), p);
}

const lpPool: Operator = {
  build(node) {
    const x = node.value(0);
    const p = node.opset < 2 ? node.float("p", 2) : node.int("p", 2);
    return root(windowSums(powerOf(x, p), poolingOf(node, x)), p);
  },
};

/**
 * The inverse of MaxPool: each value goes to the place that its index says. Windows that do not overlap send values into
 * their own cells only: each cell asks whether it is the one.
 */
const maxUnpool: Operator = {
  needs: [2],
  build(node) {
    const [x, indices] = [node.value(0), cast(node.value(1), "int32")];
    const spatial = x.shape.slice(2);
    const rank = spatial.length;
    const { kernel, stride, padding } = windowOf(node, spatial);
    if (padding.some(([b, e]) => b + e > 0) || kernel.some((k, d) => k > stride[d]))
      node.unsupported("windows that overlap, or have padding");
    const size = spatial.map((n, d) => (n - 1) * stride[d] + kernel[d]);
    // [N, C, H, 1, W, 1] against the cells of each window.
    const apart = (v: Value): Value => reshape(v, [...v.shape.slice(0, 2), ...spatial.flatMap((n) => [n, 1])]);
    const axis = (d: number, values: readonly number[], place: 0 | 1): Value =>
      numbers(
        values,
        Array.from({ length: 2 + 2 * rank }, (_, i) => (i === 2 + 2 * d + place ? values.length : 1)),
        "int32",
      );
    const strides = stridesOf(size);
    const places = spatial
      .flatMap((n, d) => [
        axis(
          d,
          Array.from({ length: n }, (_, o) => o * stride[d] * strides[d]),
          0,
        ),
        axis(
          d,
          Array.from({ length: stride[d] }, (_, t) => t * strides[d]),
          1,
        ),
      ])
      .reduce((a, b) => add(a, b));
    const [n, c] = x.shape;
    const plane = sizeOf(size);
    const first = numbers(
      Array.from({ length: n * c }, (_, i) => i * plane),
      [n, c, ...spatial.flatMap(() => [1, 1])],
      "int32",
    );
    const whole = where(eq(apart(indices), add(places, first)), apart(x), 0);
    const spread = reshape(whole, [n, c, ...spatial.map((m, d) => m * stride[d])]);
    const wanted = node.has(2) ? node.numbers(2).slice(2) : size;
    const after = spread.shape.slice(2).map((m, d) => Math.min(size[d], wanted[d]) - m);
    const kept = padAll(spread, [0, 0, ...after.map(() => 0)], [0, 0, ...after], {});
    const more = wanted.map((m, d) => m - kept.shape[d + 2]);
    return padAll(kept, [0, 0, ...more.map(() => 0)], [0, 0, ...more], {});
  },
};

function spatialAxes(x: Value): number[] {
  return x.shape.slice(2).map((_, d) => d + 2);
}

export const poolOperators: Operators = {
  MaxPool: maxPool,
  AveragePool: { build: (node) => averagePool(node, node.value(0)) },
  LpPool: lpPool,
  MaxUnpool: maxUnpool,
  GlobalAveragePool: { build: (node) => mean(node.value(0), spatialAxes(node.value(0)), true) },
  GlobalMaxPool: { build: (node) => max(node.value(0), spatialAxes(node.value(0)), true) },
  GlobalLpPool: {
    build(node) {
      const x = node.value(0);
      const p = node.opset < 2 ? node.float("p", 2) : node.int("p", 2);
      return root(sum(powerOf(x, p), spatialAxes(x), true), p);
    },
  },
};
