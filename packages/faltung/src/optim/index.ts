/** Optimisers, learning-rate schedules and gradient clipping, with PyTorch's conventions and numbers. */
export { type Optimizer, type StepSettings } from "./optimizer.ts";
export { SGD, type SGDOptions } from "./sgd.ts";
export { Adam, AdamW, type AdamOptions } from "./adam.ts";
export { RMSprop, type RMSpropOptions } from "./rmsprop.ts";
export { clipGradNorm, clipGradValue } from "./clip.ts";
export * from "./schedule.ts";
