/**
 * `faltung/standalone/loader`: calls a standalone module from JavaScript, in two kilobytes and without anything else:
 * a page, a Worker-style runtime and Node alike. The interface itself is described in abi.ts.
 */
import type { Port, Preprocessing, Signature } from "./abi.ts";

/** A network that is ready to run. */
export interface StandaloneNetwork {
  readonly signature: Signature;
  /** Names of the classes; empty if the file has none. */
  readonly labels: readonly string[];
  readonly preprocessing: Preprocessing | undefined;
  readonly exports: WebAssembly.Exports;
  /**
   * Runs up to a batch of pictures: float32 as the network takes them (NCHW, normalised), bytes (row by row, channels
   * side by side), or one picture from a canvas, of the right size.
   * @returns a copy of the first output, a row for each picture that was given
   * @throws RangeError if the input holds no whole number of pictures, none, or more than a batch
   */
  run(input: Float32Array | Uint8Array | Uint8ClampedArray | Pick<ImageData, "data">): Float32Array;
  /** An input or output by name, in the module's memory: for networks with several. */
  view(name: string): Float32Array | Int32Array | Uint8Array;
}

/**
 * Loads a standalone module.
 *
 * @param source its bytes, a response to `fetch`, or a module that the runtime has compiled
 * @throws TypeError if it is not a module that `exportStandalone` has made, or the response is an error
 *
 * @example
 * ```ts fragment
 * const net = await load(fetch("digits.wasm"));
 * const logits = net.run(context.getImageData(0, 0, 28, 28));
 * const best = logits.indexOf(Math.max(...logits));
 * net.labels[best]; // "7"
 * ```
 */
export async function load(
  source: BufferSource | WebAssembly.Module | Response | Promise<Response>,
): Promise<StandaloneNetwork> {
  const got = await source;
  let bytes: BufferSource | WebAssembly.Module = got as BufferSource;
  if (typeof Response === "function" && got instanceof Response) {
    if (!got.ok) throw new TypeError(`${got.url}: ${got.status} ${got.statusText}`);
    bytes = await got.arrayBuffer();
  }
  const module = bytes instanceof WebAssembly.Module ? bytes : await WebAssembly.compile(bytes);
  const section = (name: string): string | undefined => {
    const [first] = WebAssembly.Module.customSections(module, `faltung.${name}`);
    return first && new TextDecoder().decode(first);
  };
  const text = section("signature");
  const signature: Signature | undefined = text && JSON.parse(text);
  if (signature?.abi !== 1) throw new TypeError(`no standalone network of version 1: signature ${text}`);
  const { exports } = await WebAssembly.instantiate(module);
  const { batch, inputs, outputs, pixels } = signature;
  const { buffer } = exports["memory"] as WebAssembly.Memory;
  const view = ({ dtype, shape, ptr }: Port): Float32Array | Int32Array | Uint8Array =>
    new { float32: Float32Array, int32: Int32Array, uint8: Uint8Array }[dtype](
      buffer,
      ptr,
      shape.reduce((a, b) => a * b, 1),
    );
  return {
    signature,
    labels: JSON.parse(section("labels") ?? "[]"),
    preprocessing: JSON.parse(section("preprocessing") ?? "null") ?? undefined,
    exports,
    run(input) {
      const port = input instanceof Float32Array ? inputs[0] : pixels;
      if (!port) throw new TypeError("the network takes no bytes: it has no preprocessing; give a Float32Array");
      const numbers = "data" in input ? fromCanvas(input.data, port.shape[3]) : input;
      const target = view(port);
      const rows = (numbers.length * batch) / target.length;
      if (!(rows >= 1 && rows <= batch && rows % 1 === 0)) {
        throw new RangeError(`${numbers.length} numbers are not 1 to ${batch} pictures of ${target.length / batch}`);
      }
      target.set(numbers);
      (exports[port === pixels ? "run_pixels" : "run"] as () => void)();
      const result = view(outputs[0]) as Float32Array;
      return result.slice(0, (result.length / batch) * rows);
    },
    view(name) {
      const port = [...inputs, ...outputs].find((p) => p.name === name);
      if (!port) throw new RangeError(`there is no ${name}`);
      return view(port);
    },
  };
}

/** RGBA to RGB, or to gray by the weights of ITU-R BT.601. */
function fromCanvas(rgba: ArrayLike<number>, channels: number): Uint8Array {
  const weights = [0.299, 0.587, 0.114];
  return Uint8Array.from({ length: (rgba.length / 4) * channels }, (_, i) =>
    channels === 3
      ? rgba[i + Math.floor(i / 3)]
      : Math.round(weights.reduce((sum, w, c) => sum + w * rgba[4 * i + c], 0)),
  );
}
