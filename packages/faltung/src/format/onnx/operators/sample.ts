/**
 * Sampling at computed places: GridSample, RoiAlign, DeformConv. Each place weighs all cells of an axis by the distance
 * (a hat function is 0 but for two of them), so that sampling is products of matrices: differentiable by place as well
 * as by value, at a cost of all cells for each place.
 */
import * as f from "../../../ops/elementwise/elementwise.ts";
import { matmul } from "../../../ops/matmul/matmul.ts";
import type { Value } from "../../../ops/op.ts";
import { mean, sum } from "../../../ops/reduce/reduce.ts";
import { concat, reshape, slice, stack, transpose, unsqueeze } from "../../../ops/shape/shape.ts";
import { show, sizeOf } from "../../../tensor/shape.ts";
import type { Operator, OnnxNode, Operators } from "../node.ts";
import { windowOf } from "./conv.ts";
import { numbers, ramp } from "./helpers.ts";

/** Numbers that one sampling may make on its way: 256 MB. */
const MOST_NUMBERS = 2 ** 26;

/** max(0, 1 − |place − cell|): [..., P] → [..., P, n]. */
function hats(place: Value, n: number): Value {
  const p = unsqueeze(place, -1);
  return f.clamp(f.sub(1, f.abs(f.sub(p, ramp(n, p.shape.length - 1, p.shape.length, "float32")))), 0);
}

/**
 * Σ over cells of x · ∏ weights.
 * @param x [N, C, …spatial] @param weights one for each spatial axis, [N, P, n]
 * @returns [N, C, P]
 */
function weighted(node: OnnxNode, x: Value, weights: readonly Value[]): Value {
  const [n, c, ...spatial] = x.shape;
  const p = weights[0].shape[1];
  const last = spatial.length - 1;
  const outer = spatial.slice(0, last);
  if (n * c * sizeOf(outer) * p > MOST_NUMBERS)
    node.unsupported(`sampling ${p} places of ${show(spatial)} cells is too much`);
  const rows = reshape(x, [n, c * sizeOf(outer), spatial[last]]);
  let y = reshape(matmul(rows, weights[last], { transB: true }), [n, c, ...outer, p]);
  for (let d = last - 1; d >= 0; d--) {
    const w = transpose(weights[d]); // [N, n, P]
    const shape = [n, 1, ...outer.slice(0, d).map(() => 1), spatial[d], p];
    y = sum(f.mul(y, reshape(w, shape)), 2 + d);
  }
  return y;
}

/** From −1…1 to cells. */
function unnormalised(g: Value, n: number, alignCorners: boolean): Value {
  return alignCorners ? f.mul(f.add(g, 1), (n - 1) / 2) : f.sub(f.mul(f.add(g, 1), n / 2), 0.5);
}

/** Mirrors places at the outermost cells' middles or edges, as often as it takes. */
function reflected(x: Value, n: number, alignCorners: boolean): Value {
  const [low, span] = alignCorners ? [0, n - 1] : [-0.5, n];
  if (span === 0) return f.mul(x, 0);
  const distance = f.abs(f.sub(x, low));
  const turns = f.floor(f.div(distance, span));
  const rest = f.sub(distance, f.mul(turns, span));
  const odd = f.sub(turns, f.mul(f.floor(f.mul(turns, 0.5)), 2));
  return f.add(f.where(f.gt(odd, 0.5), f.sub(span, rest), rest), low);
}

const CUBIC_A = -0.75;
/** Cells beyond each end that a cubic kernel may touch, once its place was brought near. */
const MARGIN = 3;

/** Weights of cubic interpolation, what falls outside folded back by the padding mode. */
function cubicWeights(place: Value, n: number, padding: string, alignCorners: boolean): Value {
  const near = padding === "reflection" ? reflected(place, n, alignCorners) : f.clamp(place, -2, n + 1);
  const p = unsqueeze(near, -1);
  const cells = numbers(
    Array.from({ length: n + 2 * MARGIN }, (_, i) => i - MARGIN),
    [...near.shape.map(() => 1), n + 2 * MARGIN],
  );
  const d = f.abs(f.sub(p, cells));
  const inner = f.add(f.mul(f.sub(f.mul(d, CUBIC_A + 2), CUBIC_A + 3), f.square(d)), 1);
  const outer = f.mul(f.sub(f.mul(f.add(f.mul(f.sub(d, 5), d), 8), d), 4), CUBIC_A);
  const weights = f.where(f.le(d, 1), inner, f.where(f.lt(d, 2), outer, 0));
  const fold = Array.from({ length: (n + 2 * MARGIN) * n }, () => 0);
  for (let i = 0; i < n + 2 * MARGIN; i++) {
    const cell = folded(i - MARGIN, n, padding, alignCorners);
    if (cell >= 0) fold[i * n + cell] = 1;
  }
  return matmul(weights, numbers(fold, [n + 2 * MARGIN, n]));
}

/** The cell that stands for a cell outside; −1 for zero. */
function folded(i: number, n: number, padding: string, alignCorners: boolean): number {
  if (i >= 0 && i < n) return i;
  if (padding === "zeros") return -1;
  if (padding === "border") return i < 0 ? 0 : n - 1;
  const period = alignCorners ? 2 * (n - 1) : 2 * n;
  if (period === 0) return 0;
  const m = ((i % period) + period) % period;
  return m < n ? m : (alignCorners ? period : period - 1) - m;
}

const gridSample: Operator = {
  build(node) {
    const [x, grid] = [node.value(0), node.value(1)];
    const [n, , ...spatial] = x.shape;
    const rank = spatial.length;
    const out = grid.shape.slice(1, -1);
    if (rank < 1 || grid.shape.at(-1) !== rank)
      node.fail(`the grid ${show(grid.shape)} does not belong to x ${show(x.shape)}.`);
    const mode = node.text("mode", "linear").replace(/^bi/, "");
    const padding = node.text("padding_mode", "zeros");
    const alignCorners = node.int("align_corners", 0) !== 0;
    if (!["linear", "nearest", "cubic"].includes(mode)) node.unsupported(`mode ${mode}`);
    if (!["zeros", "border", "reflection"].includes(padding)) node.unsupported(`padding_mode ${padding}`);
    const flat = reshape(grid, [n, sizeOf(out), rank]);
    const weights = spatial.map((cells, d) => {
      // The grid's last axis is x, y, z: the innermost first.
      const g = reshape(slice(flat, [[], [], [rank - 1 - d, rank - d]]), [n, sizeOf(out)]);
      const place = unnormalised(g, cells, alignCorners);
      if (mode === "cubic") return cubicWeights(place, cells, padding, alignCorners);
      const turned = padding === "reflection" ? reflected(place, cells, alignCorners) : place;
      const kept = padding === "zeros" ? turned : f.clamp(turned, 0, cells - 1);
      if (mode === "linear") return hats(kept, cells);
      return f.cast(f.eq(unsqueeze(f.round(kept), -1), ramp(cells, 2, 3, "float32")), "float32");
    });
    return reshape(weighted(node, x, weights), [n, x.shape[1], ...out]);
  },
};

/** The grid of places that an affine map sends the output's cells to. */
const affineGrid: Operator = {
  needs: [1],
  build(node) {
    const theta = node.value(0);
    const [n, , ...spatial] = node.numbers(1);
    const alignCorners = node.int("align_corners", 0) !== 0;
    const rank = spatial.length;
    const place = (i: number, cells: number): number =>
      alignCorners ? (cells === 1 ? -1 : (2 * i) / (cells - 1) - 1) : (2 * i + 1) / cells - 1;
    const points: number[] = [];
    for (let p = 0; p < sizeOf(spatial); p++) {
      let rest = p;
      const index = spatial.map(() => 0);
      for (let d = rank - 1; d >= 0; d--) {
        index[d] = rest % spatial[d];
        rest = Math.floor(rest / spatial[d]);
      }
      for (let d = rank - 1; d >= 0; d--) points.push(place(index[d], spatial[d]));
      points.push(1);
    }
    const grid = matmul(numbers(points, [sizeOf(spatial), rank + 1]), theta, { transB: true });
    return reshape(grid, [n, ...spatial, rank]);
  },
};

/** Weights of RoiAlign along one axis: the mean of `ratio` samples in each of `bins` bins. [R, bins, cells] */
function binWeights(start: Value, size: Value, bins: number, ratio: number, cells: number): Value {
  const fractions = numbers(
    Array.from({ length: bins * ratio }, (_, i) => (i + 0.5) / (bins * ratio)),
    [1, bins * ratio],
  );
  const place = f.add(f.mul(unsqueeze(size, 1), fractions), unsqueeze(start, 1));
  const inside = f.logicalAnd(f.ge(place, -1), f.le(place, cells));
  const weights = hats(f.clamp(place, 0, cells - 1), cells);
  const kept = f.where(unsqueeze(inside, -1), weights, 0);
  return mean(reshape(kept, [start.shape[0], bins, ratio, cells]), 2);
}

const roiAlign: Operator = {
  build(node) {
    const [x, rois, batch] = [node.value(0), node.value(1), node.value(2)];
    const [n, c, h, w] = x.shape;
    const [r] = rois.shape;
    const [rows, columns] = [node.int("output_height", 1), node.int("output_width", 1)];
    const ratio = node.int("sampling_ratio", 0);
    if (node.text("mode", "avg") !== "avg") node.unsupported("mode max");
    if (ratio < 1) node.unsupported("sampling_ratio 0: the number of samples depends on the model's inputs");
    const half = node.opset >= 16 && node.text("coordinate_transformation_mode", "half_pixel") === "half_pixel";
    const scale = node.float("spatial_scale", 1);
    const side = (i: number): Value => f.sub(f.mul(reshape(slice(rois, [[], [i, i + 1]]), [r]), scale), half ? 0.5 : 0);
    const [x1, y1, x2, y2] = [0, 1, 2, 3].map(side);
    const size = (from: Value, to: Value): Value => (half ? f.sub(to, from) : f.maximum(f.sub(to, from), 1));
    const wy = binWeights(y1, size(y1, y2), rows, ratio, h);
    const wx = binWeights(x1, size(x1, x2), columns, ratio, w);
    const chosen = f.cast(f.eq(reshape(f.cast(batch, "int32"), [r, 1]), ramp(n, 1, 2)), "float32");
    if (r * c * h * w > MOST_NUMBERS) node.unsupported(`${r} regions of ${c} × ${h} × ${w} numbers are too many`);
    const pictures = reshape(matmul(chosen, reshape(x, [n, c * h * w])), [r, c, h, w]);
    const down = matmul(unsqueeze(wy, 1), pictures); // [R, C, rows, W]
    return matmul(down, unsqueeze(wx, 1), { transB: true });
  },
};

/** Convolution whose taps are moved by computed offsets, and weighed by a computed mask (Zhu et al. 2019). */
const deformConv: Operator = {
  build(node) {
    const [x, w, offset] = [node.value(0), node.value(1), node.value(2)];
    if (x.shape.length !== 4) node.unsupported(`x has the shape ${show(x.shape)}; it must be [N, C, H, W]`);
    const [n, c, ...spatial] = x.shape;
    const { kernel, stride, dilation, padding } = windowOf(node, spatial, w.shape.slice(2));
    const groups = node.int("group", 1);
    const offsetGroups = node.int("offset_group", 1);
    const out = offset.shape.slice(2);
    const places = sizeOf(out);
    const taps = sizeOf(kernel);
    const each = c / offsetGroups;
    const offsets = reshape(offset, [n, offsetGroups, taps, 2, places]);
    const mask = node.has(4) ? reshape(node.value(4), [n, offsetGroups, taps, places]) : undefined;
    const base = (d: number, tap: number): Value =>
      numbers(
        Array.from({ length: places }, (_, p) => {
          const o = d === 0 ? Math.floor(p / out[1]) : p % out[1];
          return o * stride[d] - padding[d][0] + tap * dilation[d];
        }),
        [1, places],
      );
    const part = (v: Value, g: number, t: number, k: number): Value =>
      reshape(slice(v, [[], [g, g + 1], [t, t + 1], [k, k + 1]]), [n, places]);
    // For each tap all channels at their places: [N, C, taps, P].
    const columns = Array.from({ length: taps }, (_, t) => {
      const tap = [Math.floor(t / kernel[1]), t % kernel[1]];
      const grouped = Array.from({ length: offsetGroups }, (_g, g) => {
        const weights = spatial.map((cells, d) => hats(f.add(part(offsets, g, t, d), base(d, tap[d])), cells));
        const sampled = weighted(node, slice(x, [[], [g * each, (g + 1) * each]]), weights);
        if (mask === undefined) return sampled;
        return f.mul(sampled, reshape(slice(mask, [[], [g, g + 1], [t, t + 1]]), [n, 1, places]));
      });
      return concat(grouped, 1);
    });
    const o = w.shape[0];
    const table = reshape(stack(columns, 2), [n, groups, (c / groups) * taps, places]);
    const y = reshape(matmul(reshape(w, [1, groups, o / groups, (c / groups) * taps]), table), [n, o, ...out]);
    return node.has(3) ? f.add(y, reshape(node.value(3), [o, 1, 1])) : y;
  },
};

export const sampleOperators: Operators = {
  GridSample: gridSample,
  AffineGrid: affineGrid,
  RoiAlign: roiAlign,
  DeformConv: deformConv,
};
