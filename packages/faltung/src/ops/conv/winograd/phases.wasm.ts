/**
 * A convolution of stride 2 over a few plain channels, such as the first layer of a ResNet, as one of stride 1: even and
 * odd rows and columns of the picture become channels of their own, four phases of each, and the kernel's even and odd
 * taps their filters, which are half as long. Winograd's algorithm can do that one.
 *
 * Cell u of phase p is cell 2u + p + shift of the picture; tap t of phase p is tap 2t + p of the kernel. Beyond the
 * picture, and beyond the kernel's end, they are zero. Channels of phases are numbered (row phase, column phase, channel).
 */
import type { Stage } from "../../../backend/plan.ts";
import type { BufferRef } from "../../op.ts";
import { type Box, type BoxAxis, moveBoxes } from "../../shape/box.wasm.ts";
import type { Axis } from "../axis.ts";
import type { Gather } from "../gather.ts";

/** Channels of the picture; four times as many become those of the phases. */
const mostChannels = 4;

/** The axis of the convolution over phases. */
function phaseAxis(axis: Axis): Axis {
  const taps = Math.ceil(axis.taps / 2);
  return { ...axis, source: axis.count + taps - 1, step: 1, shift: 0, taps };
}

/** The same convolution over phases, if it is one of stride 2 that Winograd's algorithm can then do. */
export function phasesOf(g: Gather): Gather | undefined {
  const [[z], [y], [x]] = g.axes;
  const fits = (axis: Axis): boolean => axis.step === 2 && axis.shiftHop === 1 && axis.taps >= 5 && axis.taps <= 8;
  if (g.direction !== "forward" || g.groups > 1 || g.summed > mostChannels) return undefined;
  if (z.source * z.taps * z.result > 1 || !fits(y) || !fits(x)) return undefined;
  const [phaseY, phaseX] = [phaseAxis(y), phaseAxis(x)];
  return phaseY.taps === phaseX.taps ? { ...g, summed: 4 * g.summed, axes: [[z], [phaseY], [phaseX]] } : undefined;
}

/** Of one phase along an axis: which of its cells are in the picture, as an axis of a box, and the first of them there. */
function cellsOf(
  axis: Axis,
  phase: number,
  from: number,
  to: number,
): { readonly run: BoxAxis; readonly from: number; readonly to: number } {
  const ahead = phase + axis.shift;
  const first = Math.max(0, Math.ceil(-ahead / 2));
  const end = Math.min(phaseAxis(axis).source, Math.ceil((axis.source - ahead) / 2));
  const run = { size: Math.max(0, end - first), from: 2 * from, to };
  return { run, from: (2 * first + ahead) * from, to: first * to };
}

const PHASES = [0, 1, 2, 3];

/** Stages that make the phases of pictures (plain to blocked), and their bytes. */
export function picturePhases(
  { summed: channels, axes: [, [y], [x]] }: Gather,
  batch: number,
  from: BufferRef,
  to: BufferRef,
): { readonly stages: readonly Stage<BufferRef>[]; readonly bytes: number } {
  const [down, across] = [phaseAxis(y).source, phaseAxis(x).source];
  const plane = 8 * down * across;
  const floats = Math.ceil(channels / 2) * plane;
  const boxes = PHASES.flatMap((phase) =>
    Array.from({ length: channels }, (_, c): Box => {
      const rows = cellsOf(y, phase >> 1, x.source, 8 * across);
      const columns = cellsOf(x, phase & 1, 1, 8);
      const channel = phase * channels + c;
      const image: BoxAxis = { size: batch, from: channels * y.source * x.source, to: floats };
      return {
        axes: [image, rows.run, columns.run],
        source: { kind: "buffer", pointer: 0, offset: c * y.source * x.source + rows.from + columns.from },
        target: 1,
        offset: (channel >> 3) * plane + (channel & 7) + rows.to + columns.to,
      };
    }),
  );
  return { stages: overZeros("phases", boxes, batch * floats, from, to), bytes: 4 * batch * floats };
}

/** Stages that make the phases of a weight (plain to plain), and their bytes. */
export function weightPhases(
  { made, summed: channels, axes: [, [y], [x]] }: Gather,
  from: BufferRef,
  to: BufferRef,
): { readonly stages: readonly Stage<BufferRef>[]; readonly bytes: number } {
  const { taps } = phaseAxis(y);
  const perFilter = taps * taps;
  const boxes = PHASES.map((phase): Box => {
    const [row, column] = [phase >> 1, phase & 1];
    return {
      axes: [
        { size: made, from: channels * y.taps * x.taps, to: 4 * channels * perFilter },
        { size: channels, from: y.taps * x.taps, to: perFilter },
        { size: (y.taps + 1 - row) >> 1, from: 2 * x.taps, to: taps },
        { size: (x.taps + 1 - column) >> 1, from: 2, to: 1 },
      ],
      source: { kind: "buffer", pointer: 0, offset: row * x.taps + column },
      target: 1,
      offset: phase * channels * perFilter,
    };
  });
  const floats = 4 * made * channels * perFilter;
  return { stages: overZeros("phases", boxes, floats, from, to), bytes: 4 * floats };
}

function overZeros(
  label: string,
  boxes: readonly Box[],
  floats: number,
  from: BufferRef,
  to: BufferRef,
): readonly Stage<BufferRef>[] {
  const zeros: Box = {
    axes: [{ size: floats, from: 1, to: 1 }],
    source: { kind: "fill", bits: 0 },
    target: 1,
    offset: 0,
  };
  return [moveBoxes("zeros", [zeros], "float32", [from, to], [1]), moveBoxes(label, boxes, "float32", [from, to], [1])];
}
