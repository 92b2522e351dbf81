/**
 * The arithmetic of convolution: extent, output size, taps, receptive field. It is written here and nowhere else,
 * and kernels, reference loops, errors and figures all read it, so a picture cannot disagree with a computation.
 * Sources: PyTorch's Conv and ConvTranspose pages; Dumoulin & Visin 2016; Araujo, Norris & Sim 2019.
 */
import { OptionError, ShapeError } from "../../tensor/errors.ts";
import { type Shape, show, sizeOf } from "../../tensor/shape.ts";
import { type PaddingMode, borderIndex } from "../shape/border.ts";

export { type PaddingMode, borderIndex };

/** Cells added before and after, along one dimension. */
export type SidePadding = readonly [begin: number, end: number];

/** What a caller may write, in PyTorch's words. A single number holds for every dimension. */
export interface ConvOptions {
  /** Step of the window. Default 1. */
  readonly stride?: number | readonly number[];
  /** Cells on both sides, or `[begin, end]` per dimension; "valid" is 0; "same" keeps the size (stride 1 only). */
  readonly padding?: number | "same" | "valid" | readonly (number | SidePadding)[];
  /** Distance between neighbouring taps. Default 1. */
  readonly dilation?: number | readonly number[];
  /** Channels are split into this many independent convolutions. Default 1. */
  readonly groups?: number;
  /** Default "zeros". */
  readonly paddingMode?: PaddingMode;
  /** True convolution: the kernel is turned round. Default false: cross-correlation, as deep learning does. */
  readonly flip?: boolean;
}

export interface TransposedConvOptions extends ConvOptions {
  /** Rows added at the end of the output, to choose among the sizes that a stride maps to one. Default 0. */
  readonly outputPadding?: number | readonly number[];
}

/** A convolution's description, made once by {@link normaliseConv} and trusted from then on. Plain data. */
export interface ConvGeometry {
  /** Number of spatial dimensions, 1 to 3. Every list below has this length. */
  readonly rank: number;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly SidePadding[];
  readonly groups: number;
  readonly paddingMode: PaddingMode;
  readonly flip: boolean;
  /** If true, this is the adjoint of the convolution that the other fields describe (PyTorch's ConvTranspose). */
  readonly transposed: boolean;
  /** Only for `transposed`; else zeros. */
  readonly outputPadding: readonly number[];
}

const MODES: readonly PaddingMode[] = ["zeros", "reflect", "replicate", "circular"];
const AXES: Readonly<Record<number, readonly string[]>> = { 1: ["W"], 2: ["H", "W"], 3: ["D", "H", "W"] };

function wholeList(
  value: number | readonly number[] | undefined,
  fallback: number,
  rank: number,
  least: number,
  name: string,
  what: string,
): number[] {
  const list = typeof value === "object" ? [...value] : Array.from({ length: rank }, () => value ?? fallback);
  if (list.length !== rank || !list.every((v) => Number.isSafeInteger(v) && v >= least)) {
    throw new OptionError(
      `${what}: ${name} is ${JSON.stringify(value)}; give one whole number ≥ ${least}, or a list of ${rank} of them.`,
    );
  }
  return list;
}

/**
 * "same" as PyTorch means it: the output is as large as the input at stride 1; an even extent pads more at the end.
 *
 * @example
 * ```ts
 * samePadding(4, 1); // [1, 2]
 * ```
 */
export function samePadding(kernel: number, dilation: number): SidePadding {
  const total = dilation * (kernel - 1);
  const begin = Math.floor(total / 2);
  return [begin, total - begin];
}

/**
 * SAME as TensorFlow means it: the output has ceil(input / stride) cells, and the padding follows from that,
 * so it depends on the input's size. The odd cell goes to the end; `lower` puts it at the start (ONNX SAME_LOWER).
 *
 * @example
 * ```ts
 * samePaddingTF(6, 3, 2, 1); // [0, 1], where PyTorch's padding=1 would be [1, 1]
 * ```
 */
export function samePaddingTF(
  input: number,
  kernel: number,
  stride: number,
  dilation: number,
  lower = false,
): SidePadding {
  const output = Math.ceil(input / stride);
  const total = Math.max((output - 1) * stride + kernelExtent(kernel, dilation) - input, 0);
  const small = Math.floor(total / 2);
  return lower ? [total - small, small] : [small, total - small];
}

function paddingList(
  padding: NonNullable<ConvOptions["padding"]>,
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
  what: string,
): SidePadding[] {
  const rank = kernel.length;
  if (padding === "valid") return kernel.map(() => [0, 0]);
  if (padding === "same") {
    if (stride.some((s) => s !== 1)) {
      throw new OptionError(
        `${what}: padding "same" needs stride 1, but stride is ${show(stride)}. ` +
          `Give the padding as numbers, or take TensorFlow's rule with samePaddingTF(input, kernel, stride, dilation).`,
      );
    }
    return kernel.map((k, d) => samePadding(k, dilation[d]));
  }
  const good = (n: number): boolean => Number.isSafeInteger(n) && n >= 0;
  const list = typeof padding === "object" ? padding : kernel.map(() => padding);
  const pairs =
    typeof list === "object" ? list.map((p): SidePadding => (typeof p === "object" ? [p[0], p[1]] : [p, p])) : [];
  if (pairs.length !== rank || !pairs.every(([b, e]) => good(b) && good(e))) {
    throw new OptionError(
      `${what}: padding is ${JSON.stringify(padding)}; give "same", "valid", one whole number ≥ 0, ` +
        `or a list of ${rank} numbers or [begin, end] pairs.`,
    );
  }
  return pairs;
}

/**
 * Turns options into a {@link ConvGeometry}: the border at which everything is checked that needs no input shape.
 *
 * @param kernelSize spatial size of the kernel, e.g. `weight.shape.slice(2)`; its length (1 to 3) is the rank
 * @param what name of the operation, first word of every error
 * @throws OptionError for an option out of range, "same" with a stride, an unknown padding mode
 * @example
 * ```ts
 * const g = normaliseConv({ stride: 2, padding: 1 }, [3, 3], "conv2d");
 * g.padding; // [[1, 1], [1, 1]]
 * ```
 */
export function normaliseConv(options: ConvOptions, kernelSize: Shape, what: string): ConvGeometry {
  const rank = kernelSize.length;
  if (rank < 1 || rank > 3) {
    throw new OptionError(
      `${what}: the kernel ${show(kernelSize)} has ${rank} spatial dimensions; 1 to 3 are possible.`,
    );
  }
  const kernel = wholeList(kernelSize, 1, rank, 1, "kernel size", what);
  const stride = wholeList(options.stride, 1, rank, 1, "stride", what);
  const dilation = wholeList(options.dilation, 1, rank, 1, "dilation", what);
  const { groups = 1, paddingMode = "zeros", flip = false } = options;
  if (!Number.isSafeInteger(groups) || groups < 1) {
    throw new OptionError(`${what}: groups is ${groups}; give a whole number ≥ 1 that divides both channel counts.`);
  }
  if (!MODES.includes(paddingMode)) {
    throw new OptionError(`${what}: paddingMode is ${JSON.stringify(paddingMode)}; give one of ${MODES.join(", ")}.`);
  }
  return {
    rank,
    kernel,
    stride,
    dilation,
    padding: paddingList(options.padding ?? 0, kernel, stride, dilation, what),
    groups,
    paddingMode,
    flip,
    transposed: false,
    outputPadding: kernel.map(() => 0),
  };
}

/**
 * As {@link normaliseConv}, for the transposed convolution.
 * @throws OptionError also for "same", for a padding mode other than zeros, and for outputPadding ≥ stride and dilation
 */
export function normaliseTransposedConv(options: TransposedConvOptions, kernelSize: Shape, what: string): ConvGeometry {
  if (options.padding === "same") {
    throw new OptionError(`${what}: padding "same" has no meaning for a transposed convolution; give numbers.`);
  }
  const g = normaliseConv(options, kernelSize, what);
  if (g.paddingMode !== "zeros") {
    throw new OptionError(`${what}: paddingMode is "${g.paddingMode}"; a transposed convolution knows only "zeros".`);
  }
  const outputPadding = wholeList(options.outputPadding, 0, g.rank, 0, "outputPadding", what);
  outputPadding.forEach((p, d) => {
    if (p >= Math.max(g.stride[d], g.dilation[d])) {
      throw new OptionError(
        `${what}: outputPadding ${show(outputPadding)} must be smaller than stride ${show(g.stride)} ` +
          `or dilation ${show(g.dilation)} in every dimension.`,
      );
    }
  });
  return { ...g, transposed: true, outputPadding };
}

/** Cells from the first to the last tap of a dilated kernel: d(k − 1) + 1. */
export function kernelExtent(kernel: number, dilation: number): number {
  return dilation * (kernel - 1) + 1;
}

/**
 * floor((input + begin + end − extent) / stride) + 1
 * @throws ShapeError if the kernel does not fit into the padded input
 */
export function outputSize(
  input: number,
  kernel: number,
  stride: number,
  [begin, end]: SidePadding,
  dilation: number,
  what: string,
): number {
  const padded = input + begin + end;
  const extent = kernelExtent(kernel, dilation);
  if (padded < extent) {
    throw new ShapeError(
      `${what}: the kernel spans ${extent} cells (size ${kernel}, dilation ${dilation}) but the padded input has ` +
        `only ${padded} (${begin} + ${input} + ${end}). Use a smaller kernel, less dilation, or more padding.`,
    );
  }
  return Math.floor((padded - extent) / stride) + 1;
}

/**
 * (input − 1)·stride − begin − end + extent + outputPadding
 * @throws ShapeError if nothing is left after cropping by the padding
 */
export function transposedOutputSize(
  input: number,
  kernel: number,
  stride: number,
  [begin, end]: SidePadding,
  dilation: number,
  outputPadding: number,
  what: string,
): number {
  const size = (input - 1) * stride - begin - end + kernelExtent(kernel, dilation) + outputPadding;
  if (input < 1 || size < 1) {
    throw new ShapeError(
      `${what}: an input of ${input} gives an output of ${size} cells: (${input} − 1)·${stride} − ${begin} − ${end} + ` +
        `${kernelExtent(kernel, dilation)} + ${outputPadding}. Use less padding.`,
    );
  }
  return size;
}

/**
 * Output size of pooling. With `ceilMode` a last, overhanging window counts, but only if it starts inside the input
 * or the padding before it (PyTorch drops a window that would start in the padding behind).
 *
 * @throws ShapeError if no window fits, OptionError if the padding exceeds half the extent
 * @example
 * ```ts
 * poolOutputSize(7, 2, 2, [0, 0], 1, true, "maxPool2d"); // 4; 3 without ceilMode
 * ```
 */
export function poolOutputSize(
  input: number,
  kernel: number,
  stride: number,
  padding: SidePadding,
  dilation: number,
  ceilMode: boolean,
  what: string,
): number {
  const [begin, end] = padding;
  const extent = kernelExtent(kernel, dilation);
  if (Math.max(begin, end) > Math.floor(extent / 2)) {
    throw new OptionError(
      `${what}: padding [${begin}, ${end}] must be at most half of the window's extent ${extent}; ` +
        `else a window could hold nothing but padding.`,
    );
  }
  if (!ceilMode) return outputSize(input, kernel, stride, padding, dilation, what);
  const size = Math.ceil((input + begin + end - extent) / stride) + 1;
  const kept = (size - 1) * stride >= input + begin ? size - 1 : size;
  if (kept < 1) outputSize(input, kernel, stride, padding, dilation, what); // throws, with the reason
  return kept;
}

/** Spatial output sizes for spatial input sizes, transposed or not. @throws ShapeError */
export function spatialOutput(g: ConvGeometry, input: Shape, what: string): number[] {
  return input.map((n, d) => {
    if (g.transposed) {
      return transposedOutputSize(n, g.kernel[d], g.stride[d], g.padding[d], g.dilation[d], g.outputPadding[d], what);
    }
    const most = Math.max(...g.padding[d]);
    const limit = g.paddingMode === "reflect" ? n - 1 : g.paddingMode === "circular" ? n : Infinity;
    if (most > limit || (g.paddingMode === "replicate" && n < 1 && most > 0)) {
      throw new ShapeError(
        `${what}: ${g.paddingMode} padding [${g.padding[d].join(", ")}] is more than an input of ${n} can give ` +
          `(at most ${Math.max(limit, 0)}). Pad less, or with zeros.`,
      );
    }
    return outputSize(n, g.kernel[d], g.stride[d], g.padding[d], g.dilation[d], what);
  });
}

/**
 * Shape of the result, [N, O, …spatial], after checking that x, weight and groups belong together.
 *
 * @param xShape [N, C, …spatial]
 * @param wShape [O, C / groups, …kernel]; for a transposed convolution [C, O / groups, …kernel]
 * @throws ShapeError
 * @example
 * ```ts
 * const g = normaliseConv({ padding: 1 }, [3, 3], "conv2d");
 * convOutputShape(g, [1, 3, 32, 32], [8, 3, 3, 3], "conv2d"); // [1, 8, 32, 32]
 * ```
 */
export function convOutputShape(g: ConvGeometry, xShape: Shape, wShape: Shape, what: string): number[] {
  const axes = AXES[g.rank].join("");
  const both = `x ${show(xShape)} NC${axes}, weight ${show(wShape)} ${g.transposed ? "IO" : "OI"}${axes}.`;
  if (xShape.length !== g.rank + 2 || wShape.length !== g.rank + 2) {
    throw new ShapeError(`${what}: x and weight must have ${g.rank + 2} dimensions each. ${both}`);
  }
  if (wShape.slice(2).some((k, d) => k !== g.kernel[d])) {
    throw new ShapeError(`${what}: the weight's kernel differs from the described one, ${show(g.kernel)}. ${both}`);
  }
  const channels = xShape[1];
  const { groups } = g;
  const expected = g.transposed ? wShape[0] : wShape[1] * groups;
  if (channels !== expected) {
    const why = g.transposed ? "weight.shape[0]" : `weight.shape[1] ${wShape[1]} × groups ${groups}`;
    throw new ShapeError(`${what}: x has ${channels} channels, weight expects ${expected} (${why}). ${both}`);
  }
  if (wShape[0] % groups !== 0) {
    throw new ShapeError(`${what}: weight.shape[0] is ${wShape[0]}, which groups ${groups} does not divide. ${both}`);
  }
  const outChannels = g.transposed ? wShape[1] * groups : wShape[0];
  return [xShape[0], outChannels, ...spatialOutput(g, xShape.slice(2), `${what} (${both.slice(0, -1)})`)];
}

/**
 * Where tap `tap` of the kernel looks when it makes output `out`, in input coordinates that may lie in the padding:
 * out·stride − begin + tap·dilation; with `flip` the taps are counted from the other end.
 * Only for a convolution that is not transposed.
 */
export function tapPosition(g: ConvGeometry, dim: number, out: number, tap: number): number {
  const t = g.flip ? g.kernel[dim] - 1 - tap : tap;
  return out * g.stride[dim] - g.padding[dim][0] + t * g.dilation[dim];
}

/**
 * The input cell that tap `tap` multiplies when output `out` is made, along dimension `dim` of an input of `size`
 * cells; −1 where the product is zero (zero padding, or a hole of a transposed convolution). The reference loops:
 * y[o] = Σ_t w[t] · x[sourceIndex(g, 0, o, t, n)].
 *
 * @example
 * ```ts
 * const g = normaliseConv({ padding: 1, paddingMode: "reflect" }, [3], "conv1d");
 * sourceIndex(g, 0, 0, 0, 5); // 1: the cell left of the edge mirrors cell 1
 * ```
 */
export function sourceIndex(g: ConvGeometry, dim: number, out: number, tap: number, size: number): number {
  if (!g.transposed) return borderIndex(tapPosition(g, dim, out, tap), size, g.paddingMode);
  const t = g.flip ? g.kernel[dim] - 1 - tap : tap;
  const scaled = out + g.padding[dim][0] - t * g.dilation[dim];
  const index = scaled / g.stride[dim];
  return Number.isInteger(index) && index >= 0 && index < size ? index : -1;
}

/** Cells at the end of the padded input that no window reaches, because the output size is rounded down. */
export function droppedCells(g: ConvGeometry, dim: number, input: number): number {
  const [begin, end] = g.padding[dim];
  return (input + begin + end - kernelExtent(g.kernel[dim], g.dilation[dim])) % g.stride[dim];
}

/**
 * The convolution that carries a gradient from the output back to the input: the transposed one, with the rows that
 * the floor dropped as output padding. Its weight is the same array, read as [C_in = O, C_out / groups, …].
 * Only for zero padding: the other modes also send gradient from the border back to the cells that it copied.
 */
export function inputGradient(g: ConvGeometry, input: Shape): ConvGeometry {
  return { ...g, transposed: true, paddingMode: "zeros", outputPadding: input.map((n, d) => droppedCells(g, d, n)) };
}

/**
 * The convolution that makes the weight's gradient: the input is slid over by the output's gradient, with stride and
 * dilation exchanged. Cells dropped by the floor make its result too large; keep the first `g.kernel`. For a
 * flipped `g` the result is the gradient of the turned kernel.
 *
 * @param output spatial size of the forward result
 */
export function weightGradient(g: ConvGeometry, output: Shape): ConvGeometry {
  return { ...g, kernel: [...output], stride: g.dilation, dilation: g.stride, flip: false };
}

/** One layer as the receptive field sees it, along one dimension. */
export interface FieldLayer {
  readonly kernel: number;
  /** Default 1. */
  readonly stride?: number;
  /** Default 1. */
  readonly dilation?: number;
  /** Cells before the input. Default 0. */
  readonly padding?: number;
}

/** Output u sees the input cells start + u·jump … start + u·jump + size − 1 (negative: in the padding). */
export interface ReceptiveField {
  readonly size: number;
  readonly jump: number;
  readonly start: number;
}

/**
 * What one cell behind a stack of layers sees of the input (Araujo et al. 2019, equations 1 to 3), along one dimension.
 *
 * @example
 * ```ts
 * receptiveField([{ kernel: 3, padding: 1 }, { kernel: 3, stride: 2, padding: 1 }]); // { size: 5, jump: 2, start: -2 }
 * ```
 */
export function receptiveField(layers: readonly FieldLayer[]): ReceptiveField {
  return layers.reduce(extendField, { size: 1, jump: 1, start: 0 });
}

/** The field behind one more layer. */
export function extendField(field: ReceptiveField, layer: FieldLayer): ReceptiveField {
  const { kernel, stride = 1, dilation = 1, padding = 0 } = layer;
  const { size, jump, start } = field;
  return { size: size + dilation * (kernel - 1) * jump, jump: jump * stride, start: start - padding * jump };
}

/** Multiply-accumulates of one application, padding counted as work (as the literature does): the usual "MACs". */
export function macs(g: ConvGeometry, xShape: Shape, wShape: Shape, yShape: Shape): number {
  const places = g.transposed ? sizeOf(xShape) : sizeOf(yShape);
  return places * sizeOf(wShape.slice(1));
}
