/** How the three operations become kernels. The choice of algorithm: gather.ts and weight-grad-lowering.wasm.ts. */
import type { LayoutChoice, WasmLowering } from "../op.ts";
import type { ConvAttributes } from "./attributes.ts";
import { lowerGather } from "./gather-lowering.wasm.ts";
import { type Gather, familyOf, forwardGather, transposedGather } from "./gather.ts";
import { lowerWeightGrad, weightGradLayouts } from "./weight-grad-lowering.wasm.ts";

function gatherLayouts(g: Gather): LayoutChoice[] {
  const family = familyOf(g);
  if (family === "general") return [{ inputs: ["plain", "plain"], output: "plain" }];
  const source = family === "direct" && g.groups === 1 && g.summed < 8 ? "plain" : "blocked";
  return [{ inputs: [source, "plain"], output: "blocked" }];
}

export const convWasm: WasmLowering<ConvAttributes> = {
  layouts: ([, w], _y, a) => gatherLayouts(forwardGather(a, w.shape)),
  fusesEpilogue: true,
  lower: (site) => lowerGather(forwardGather(site.attrs, site.inputs[1].type.shape), site),
};

export const convTransposeWasm: WasmLowering<ConvAttributes> = {
  layouts: ([, w], _x, a) => gatherLayouts(transposedGather(a, w.shape)),
  fusesEpilogue: true,
  lower: (site) => lowerGather(transposedGather(site.attrs, site.inputs[1].type.shape), site),
};

export const convWeightGradWasm: WasmLowering<ConvAttributes> = {
  layouts: ([x, y], _w, a) => weightGradLayouts(a, x.shape, y.shape),
  lower: lowerWeightGrad,
};
