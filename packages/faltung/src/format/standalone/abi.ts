/**
 * The interface of a standalone module, version 1: what any WebAssembly runtime calls, and what the custom sections say.
 * It is plain enough for C: addresses and lengths are 32-bit integers, numbers little-endian, rows one after the other.
 *
 * | export                  | type      |                                                                          |
 * | ----------------------- | --------- | ------------------------------------------------------------------------ |
 * | `memory`                | memory    | the module's own; it never grows, so addresses and views stay valid       |
 * | `faltung_abi()`         | → i32     | 1                                                                        |
 * | `batch()`               | → i32     | pictures (rows of the inputs' first dimension) of one run                |
 * | `input_ptr()`           | → i32     | address of the first input: write here before `run`                      |
 * | `input_len()`           | → i32     | its length, in numbers (float32 unless the signature says otherwise)     |
 * | `output_ptr()`          | → i32     | address of the first output: read here after a run, before the next      |
 * | `output_len()`          | → i32     | its length, in numbers                                                   |
 * | `run()`                 |           | computes the outputs from the inputs                                     |
 * | `pixels_ptr()`          | → i32     | where there is preprocessing: address of the pictures as bytes, row by   |
 * |                         |           | row from the top, channels of a pixel side by side (RGBRGB…)             |
 * | `pixels_len()`          | → i32     | their length in bytes                                                    |
 * | `run_pixels()`          |           | normalises these bytes into the first input, then does what `run` does   |
 * | `prepare()`             |           | unpacks the weights; the first run does it too if it was not called      |
 *
 * Further inputs and outputs, where there are several, are found in the signature by name. The module imports nothing,
 * starts nothing when it is instantiated, and is not re-entrant: one instance a thread.
 *
 * Custom sections, UTF-8 JSON: `faltung.signature` ({@link Signature}), `faltung.labels` (a list of names; only if
 * given), `faltung.preprocessing` ({@link Preprocessing}; only if given).
 */

export const ABI_VERSION = 1;

/** How weights are kept in the file: as they are, halved, or as a byte each with one scale a channel. */
export type WeightFormat = "float32" | "float16" | "int8";

/** Where a tensor lies in the module's memory. */
export interface Port {
  readonly name: string;
  readonly dtype: "float32" | "int32" | "uint8";
  readonly shape: readonly number[];
  readonly ptr: number;
}

/** The section `faltung.signature`. */
export interface Signature {
  readonly abi: typeof ABI_VERSION;
  readonly batch: number;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Shape `[batch, height, width, channels]`. */
  readonly pixels?: Port;
  readonly weights: WeightFormat;
  /** WebAssembly features beyond the first version that a runtime must have. */
  readonly features: readonly ("simd128" | "relaxed-simd" | "bulk-memory")[];
  /** Bytes of memory, once and for all. */
  readonly memory: number;
}

/**
 * How a picture becomes numbers: (byte / 255 − mean) / std per channel. The module does that itself in `run_pixels`; what
 * else is in here, such as how a picture is brought to size, is handed on to who prepares the bytes.
 */
export interface Preprocessing {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly [more: string]: unknown;
}
