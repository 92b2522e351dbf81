/** The functions of this family, as a list. */
export { type BceWithLogitsOptions, bce, bceWithLogits } from "./binary.op.ts";
export { type CrossEntropyOptions, type NllOptions, crossEntropy, nllLoss } from "./crossEntropy.ts";
export type { LossOptions, Reduction } from "./reduction.ts";
export { type HuberOptions, type SmoothL1Options, huberLoss, l1Loss, mseLoss, smoothL1Loss } from "./regression.ts";
