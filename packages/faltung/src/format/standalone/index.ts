/** `faltung/standalone`: a network as one WebAssembly module with its weights inside. */
export { type StandaloneModelOptions, type StandaloneOptions, exportStandalone } from "./export.ts";
export { ABI_VERSION, type Port, type Preprocessing, type Signature, type WeightFormat } from "./abi.ts";
