/** The functions of this family, as a list. */
export {
  type AffineOptions,
  type BatchNormOptions,
  type BatchStatistics,
  batchNorm,
  batchStatistics,
  runningAverage,
} from "./batchNorm.op.ts";
export { type LocalResponseNormOptions, groupNorm, instanceNorm, layerNorm, localResponseNorm } from "./layerNorm.ts";
export { logSoftmax, softmax } from "./softmax.op.ts";
export { standardize } from "./standardize.op.ts";
