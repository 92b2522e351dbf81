/** `faltung/onnx`: networks from and to ONNX files. Apart from the main entry, which most programs need without it. */
export { type ImportOptions, OPSETS, importOnnx } from "./import.ts";
export { readOnnx } from "./file.ts";
export { type ExportOptions, exportOnnx } from "./export/export.ts";
export { type OnnxInput, OnnxModule, type OnnxPort } from "./module.ts";
export { supportedOperators } from "./operators/operators.ts";
export type { ExternalReader } from "./external.ts";
export type { OnnxType } from "./dtype.ts";
export { type HostTensor, decodeTensor } from "./tensor.ts";
export {
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfo,
  readModel,
  readTensor,
  writeModel,
} from "./model.ts";
