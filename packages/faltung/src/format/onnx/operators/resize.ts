/** Resize and its older forms: our interpolation where it does the same, else a product with a matrix for each axis. */
import { add, cast, mul } from "../../../ops/elementwise/elementwise.ts";
import { matmul } from "../../../ops/matmul/matmul.ts";
import { type Value, apply } from "../../../ops/op.ts";
import { type AxisMap, type Tap, axisTaps } from "../../../ops/shape/axisMap.ts";
import { interpolateOp } from "../../../ops/shape/interpolate.op.ts";
import { spatialMap } from "../../../ops/shape/spatialMap.op.ts";
import { show } from "../../../tensor/shape.ts";
import { isFloat } from "../dtype.ts";
import type { Operator, OnnxNode, Operators } from "../node.ts";
import { asWhole, axesOf, moveAxis, numbers } from "./helpers.ts";
import { type AxisResize, resizeTaps, sameTaps } from "./resample.ts";

/** What each axis becomes; absent where it stays. */
interface Plan {
  readonly axis: number;
  readonly resize: AxisResize;
  readonly taps: readonly (readonly Tap[])[];
}

/** Our own maps that might be what is asked for, the cheap ones first. */
function candidates({ input, output, scale, mode }: AxisResize): AxisMap[] {
  const inverse = 1 / scale;
  if (mode === "nearest") {
    return [inverse, input / output].flatMap((step) =>
      [false, true].map((center): AxisMap => ({ kind: "nearest", input, output, scale: step, center })),
    );
  }
  if (mode !== "linear") return [];
  const corners = output > 1 ? (input - 1) / (output - 1) : 0;
  return [
    { kind: "linear", input, output, scale: inverse, alignCorners: false },
    { kind: "linear", input, output, scale: corners, alignCorners: true },
  ];
}

/** Resizes one axis by a matrix: one row of weights for every output cell. */
function byMatrix(node: OnnxNode, x: Value, { axis, resize: { input, output }, taps }: Plan): Value {
  if (input * output > 2 ** 22) node.unsupported(`this mode from ${input} to ${output} cells`);
  const matrix = Array.from({ length: input * output }, () => 0);
  taps.forEach((list, o) => {
    for (const { index, weight } of list) matrix[index * output + o] += weight;
  });
  const last = x.shape.length - 1;
  return moveAxis(matmul(moveAxis(x, axis, last), numbers(matrix, [input, output])), last, axis);
}

function resized(node: OnnxNode, x: Value, plans: readonly Plan[]): Value {
  const rank = x.shape.length;
  const found = plans.map(({ resize, taps }) => candidates(resize).find((map) => sameTaps(axisTaps(map), taps)));
  const first = plans.at(0);
  if (first !== undefined && found.every((map) => map !== undefined)) {
    // Interpolation as a whole, where all spatial axes are mapped by one rule: known by that name to export and figures.
    const maps: AxisMap[] = Array.from({ length: rank }, (_, d) => {
      const i = plans.findIndex(({ axis }) => axis === d);
      return (i >= 0 ? found[i] : undefined) ?? { kind: "identity", input: x.shape[d] };
    });
    const whole = interpolation(maps);
    if (whole !== undefined) return apply(interpolateOp, [x], whole);
    const from = Math.max(Math.min(...plans.map(({ axis }) => axis)), rank - 3);
    if (plans.every(({ axis }) => axis >= from)) return spatialMap(x, maps.slice(from));
  }
  return plans.reduce((y, plan) => byMatrix(node, y, plan), x);
}

type Interpolation = Parameters<typeof interpolateOp.reference>[1];

/** The attributes of `interpolate`, if it can say these maps. */
function interpolation(maps: readonly AxisMap[]): Interpolation | undefined {
  if (maps.length < 3 || maps.length > 5 || maps.slice(0, 2).some((map) => map.kind !== "identity")) return undefined;
  const spatial = maps.slice(2);
  if (spatial.every((map) => map.kind === "nearest" || map.kind === "identity")) {
    const centers = new Set(spatial.flatMap((map) => (map.kind === "nearest" ? [map.center] : [])));
    if (centers.size > 1) return undefined;
    return { ...sizes(spatial), mode: centers.has(true) ? "nearest-exact" : "nearest", alignCorners: false };
  }
  if (spatial.every((map) => map.kind === "linear")) {
    const [{ alignCorners }] = spatial;
    return spatial.every((map) => map.alignCorners === alignCorners)
      ? { ...sizes(spatial), mode: "linear", alignCorners }
      : undefined;
  }
  return undefined;
}

function sizes(maps: readonly AxisMap[]): { readonly size: number[]; readonly scale: number[] } {
  return {
    size: maps.map((map) => (map.kind === "nearest" || map.kind === "linear" ? map.output : map.input)),
    scale: maps.map((map) => (map.kind === "nearest" || map.kind === "linear" ? map.scale : 1)),
  };
}

/** Scales and sizes of each axis of x, by whichever of the two is given. */
function targets(
  node: OnnxNode,
  shape: readonly number[],
): { readonly scales: number[]; readonly output: number[]; readonly axes: number[] } {
  const old = node.proto.opType === "Upsample" || node.opset < 11;
  const [scaleInput, sizeInput] = old ? [1, -1] : [2, 3];
  const axes = old ? shape.map((_, d) => d) : axesOf(node, node.ints("axes") ?? shape.map((_, d) => d), shape.length);
  const scales = shape.map(() => 1);
  const output = [...shape];
  const given =
    node.proto.opType === "Upsample" && node.opset < 9
      ? node.floats("scales")
      : node.has(scaleInput)
        ? node.numbers(scaleInput)
        : [];
  if (given !== undefined && given.length > 0) {
    if (given.length !== axes.length || !given.every((s) => s > 0 && Number.isFinite(s)))
      node.fail(`scales ${show(given)} must be ${axes.length} numbers > 0.`);
    axes.forEach((axis, i) => {
      scales[axis] = given[i];
      // In float32, as onnxruntime has it: 10 × 2.3 is 23 there (and in PyTorch), and 22.9999995 in double.
      output[axis] = Math.floor(Math.fround(shape[axis] * given[i]));
    });
  } else {
    const sizesGiven =
      sizeInput >= 0 && node.has(sizeInput) ? node.numbers(sizeInput) : node.fail("it has neither scales nor sizes.");
    if (sizesGiven.length !== axes.length || !sizesGiven.every((n) => n >= 1))
      node.fail(`sizes ${show(sizesGiven)} must be ${axes.length} numbers ≥ 1.`);
    const ratios = axes.map((axis, i) => sizesGiven[i] / shape[axis]);
    const policy = node.text("keep_aspect_ratio_policy", "stretch");
    const common =
      policy === "stretch" ? undefined : policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
    axes.forEach((axis, i) => {
      scales[axis] = common ?? ratios[i];
      output[axis] = common === undefined ? sizesGiven[i] : Math.floor(common * shape[axis] + 0.5);
    });
  }
  return { scales, output, axes };
}

const resize: Operator = {
  needs: [1, 2, 3],
  build(node: OnnxNode) {
    const type = node.type();
    const x = cast(node.value(0), "float32");
    const old = node.proto.opType === "Upsample" || node.opset < 11;
    const mode = node.text("mode", "nearest").replace("bilinear", "linear");
    if (mode !== "nearest" && mode !== "linear" && mode !== "cubic") node.unsupported(`mode ${mode}`);
    const { scales, output, axes } = targets(node, x.shape);
    if (x.shape.includes(0)) node.fail(`x has the shape ${show(x.shape)}: there is nothing to take values from.`);
    if (output.some((n) => n < 1)) node.fail(`from ${show(x.shape)} it would make ${show(output)}.`);
    const coordinates = old ? "asymmetric" : node.text("coordinate_transformation_mode", "half_pixel");
    const roi = coordinates === "tf_crop_and_resize" ? node.numbers(1) : [];
    const plans = axes.flatMap((axis, i): Plan[] => {
      const r: AxisResize = {
        input: x.shape[axis],
        output: output[axis],
        scale: scales[axis],
        mode,
        coordinates,
        nearest: old ? "floor" : node.text("nearest_mode", "round_prefer_floor"),
        cubicA: node.float("cubic_coeff_a", -0.75),
        excludeOutside: node.int("exclude_outside", 0) !== 0,
        antialias: node.int("antialias", 0) !== 0,
        roi: roi.length === 0 ? [0, 1] : [roi[i], roi[i + axes.length]],
      };
      if (r.input === r.output && r.scale === 1 && coordinates !== "tf_crop_and_resize") return [];
      const taps = resizeTaps(r) ?? node.unsupported(`coordinates ${coordinates}, nearest_mode ${r.nearest}`);
      return [{ axis, resize: r, taps }];
    });
    const y = extrapolated(resized(node, x, plans), plans, node.float("extrapolation_value", 0));
    return { type, value: isFloat(type) ? y : asWhole(type, y) };
  },
};

/** Cells that lie outside along some axis were made of nothing; they get a value of their own. */
function extrapolated(y: Value, plans: readonly Plan[], value: number): Value {
  if (value === 0 || plans.every(({ taps }) => taps.every((list) => list.length > 0))) return y;
  const inside = plans.map(({ axis, taps }) =>
    numbers(
      taps.map((list) => (list.length > 0 ? 1 : 0)),
      y.shape.map((_, d) => (d === axis ? taps.length : 1)),
    ),
  );
  const outside = add(
    mul(
      inside.reduce((a, b) => mul(a, b)),
      -value,
    ),
    value,
  );
  return add(y, outside);
}

export const resizeOperators: Operators = { Resize: resize, Upsample: resize };
