/** Layers, losses and initialisation under PyTorch's names. */
export * from "./activation.ts";
export { Identity, Residual, Sequential } from "./container.ts";
export {
  Conv1d,
  Conv2d,
  Conv3d,
  type ConvLayerOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeLayerOptions,
} from "./conv.ts";
export { Dropout, Dropout2d } from "./dropout.ts";
export * as init from "./init.ts";
export { manualSeed } from "./init.ts";
export { Linear } from "./linear.ts";
export * from "./loss.ts";
export {
  type LoadReport,
  Module,
  type ModulePart,
  type ModuleSpec,
  type SpecArgument,
  buffer,
  parameter,
  snapshot,
} from "./module.ts";
export {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormLayerOptions,
  GroupNorm,
  InstanceNorm1d,
  InstanceNorm2d,
  type InstanceNormLayerOptions,
  LayerNorm,
  LocalResponseNorm,
} from "./norm.ts";
export * from "./pool.ts";
export { Flatten, Pad, PixelShuffle, Upsample } from "./shape.ts";
export { type LayerField, type LayerSummary, type Summary, layerFields, recordLayers, summary } from "./summary.ts";
