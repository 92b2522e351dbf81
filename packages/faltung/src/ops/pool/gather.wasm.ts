/** The kernel of poolGather: second derivatives only, so it is plain loops. */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { type FunctionBuilder, type I32, f32, i32 } from "../../wasm/index.ts";
import type { Lowered, Site } from "../op.ts";
import { type Frame, frameKey, rowCount, splitRow } from "./frame.wasm.ts";
import type { UnpoolAttributes } from "./maxPool.op.ts";
import { unpoolFrame, unpoolStage } from "./unpool.wasm.ts";

export function lowerPoolGather({ inputs: [x, index], output, attrs: { window } }: Site<UnpoolAttributes>): Lowered {
  const frame = unpoolFrame(window, x.type, output.type, output.layout);
  const bytes = index.type.dtype === "uint8" ? 1 : 4;
  const kernel: Kernel = defineKernel(
    { key: `poolGather ${frameKey(frame)} index ${bytes}`, pointers: 3, name: "poolGather" },
    (f, lo, hi, _scratch, x_, index_, y) => {
      const item = f.local("i32", "item");
      f.for(item, lo, hi, 1, () => gatherRow(f, frame, bytes, item, x_, index_, y));
    },
  );
  const label = `poolGather ${window.kernel.join("×")}/${window.stride.join("×")} ${x.type.shape.join("×")}`;
  const work = frame.columns.output === 0 ? 0 : frame.planes * rowCount(frame.rows, "output");
  return { stages: [unpoolStage(label, kernel, work, frame, index.type)], temps: [] };
}

/** Each number on its own: which cell it comes from differs from channel to channel. */
function gatherRow(f: FunctionBuilder, frame: Frame, bytes: 1 | 4, item: I32, x: I32, index: I32, y: I32): void {
  const { rows, columns, lanes } = frame;
  const { index: at, plane } = splitRow(f, item, rows, "output");
  const axes = [...rows, columns];
  const place = i32.mul(item, columns.output * lanes);
  const chosen = f.let(i32.add(index, i32.mul(place, bytes)));
  const target = f.let(i32.add(y, i32.mul(place, 4)));
  const first = f.let(i32.mul(plane, rowCount(rows, "input") * columns.input));
  const o = f.local("i32", "column");
  const lane = f.local("i32", "lane");
  f.for(o, 0, columns.output, 1, () => {
    f.for(lane, 0, lanes, 1, () => {
      const name = f.let(bytes === 1 ? i32.load8U(chosen) : i32.load(chosen));
      // The lanes beyond the last channel name taps without meaning: keep them inside.
      f.if(i32.geU(name, sizeOf(axes.map((a) => a.kernel))), () => f.set(name, 0));
      let rest: I32 = name;
      const cells: I32[] = [];
      for (let d = axes.length - 1; d >= 0; d--) {
        const a = axes[d];
        const tap = d === 0 ? rest : f.let(i32.remU(rest, a.kernel));
        if (d > 0) rest = f.let(i32.divU(rest, a.kernel));
        const own = d === rows.length ? o : at[d];
        const cell = f.let(i32.add(i32.mul(own, a.stride), i32.sub(i32.mul(tap, a.dilation), a.begin)));
        f.if(i32.geU(cell, a.input), () => f.set(cell, 0));
        cells[d] = cell;
      }
      const cell = cells.reduce((c, own, d) => i32.add(i32.mul(c, axes[d].input), own));
      const from = i32.add(i32.mul(i32.add(first, cell), lanes), lane);
      f.do(f32.store(target, f32.load(i32.add(x, i32.mul(from, 4)))));
      f.advance(chosen, bytes);
      f.advance(target, 4);
    });
  });
}
