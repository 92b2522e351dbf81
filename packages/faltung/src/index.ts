/** The public API, as a list in the order in which one meets it. Nothing inside the library imports this file. */

// Tensors, random numbers, errors
export { Random, type RandomState } from "./tensor/random.ts";
export {
  DataError,
  FaltungError,
  FormatError,
  NumericError,
  OptionError,
  PlatformError,
  ShapeError,
} from "./tensor/errors.ts";
export { type DType, type Shape, type TensorType, broadcastShapes, sizeOf, stridesOf } from "./tensor/shape.ts";
export { Tensor, type TensorData } from "./tensor/tensor.ts";

// Operations
export { type Value, type ValueLike, type State, constant, input, state } from "./ops/op.ts";
export * from "./ops/elementwise/elementwise.ts";
export * from "./ops/reduce/reduce.ts";
export * from "./ops/shape/shape.ts";
export * from "./ops/matmul/matmul.ts";
export * from "./ops/conv/conv.ts";
export type { ConvOptions, PaddingMode, TransposedConvOptions } from "./ops/conv/geometry.ts";
export * from "./ops/pool/pool.ts";
export * from "./ops/norm/norm.ts";
export * from "./ops/loss/loss.ts";
export * from "./ops/random/random.ts";

// Layers, networks
export * from "./nn/index.ts";
export * from "./models/index.ts";

// Tracing, gradients, compiling
export { type Graph, type RandomSource, assign, randomSource, trace } from "./compile/trace.ts";
export { grad } from "./compile/differentiate.ts";
export { type GradcheckOptions, gradcheck } from "./compile/gradcheck.ts";
export { evaluate } from "./compile/evaluate.ts";
export { type CompileOptions, type CompiledFunction, compile } from "./compile/compile.ts";
export type { Choices, Entries, EntrySpec, MemoryReport, Program } from "./compile/program.ts";

// Learning
export * from "./optim/index.ts";
export type { Augmentation } from "./train/augment.ts";
export { type Batch, type BatchOptions, batches } from "./train/batches.ts";
export {
  type ChannelStatistics,
  type Dataset,
  arrayDataset,
  channelStatistics,
  split as splitDataset,
  subset,
  tensorDataset,
} from "./train/dataset.ts";
export { type EpochEvent, type Fit, type FitEvent, type FitOptions, type StepEvent, fit } from "./train/fit.ts";
export { type Evaluation, type EvaluateOptions, evaluateModel } from "./train/evaluate.ts";
export {
  type ClassScores,
  type ConfusionMatrix,
  accuracy,
  classScores,
  confusionMatrix,
  macroAverage,
  topK,
} from "./train/metrics.ts";
export { type Progress, type TrainingState } from "./train/state.ts";
export { normalise } from "./train/step.ts";

// Looking inside
export * from "./explain/index.ts";

// Formats
export { type Source, bytesSource } from "./format/source.ts";
export { readIdx } from "./format/idx.ts";
export { CIFAR10_CLASSES, type CifarVariant, readCifar } from "./format/cifar.ts";
export {
  type RawTensor,
  type Safetensors,
  type SafetensorsDType,
  type SafetensorsEntry,
  type SafetensorsFile,
  int64Raw,
  numbers,
  openSafetensors,
  readSafetensors,
  safetensorsChunks,
  toRaw,
  toTensor,
  writeSafetensors,
} from "./format/safetensors.ts";
