/**
 * Elementwise work on a product's results just before they are stored: bias, activation, residual add. The kernels'
 * side of `site.epilogue`.
 */
import { BYTES, type DType, sameShape, sizeOf } from "../../tensor/shape.ts";
import { type FunctionBuilder, type I32, type Local, type V128, i16x8, i32, i8x16, v128 } from "../../wasm/index.ts";
import { emitExpression, scalarEmitter } from "../map/emit.wasm.ts";
import { type MapExpression, expressionKey } from "../map/expression.ts";
import { loadSplat, loadVectors, vectorBytes } from "../map/io.wasm.ts";
import type { BufferRef, Site } from "../op.ts";

/** What an operand holds: one number for each result, one for each channel (dimension 1), or one for all. */
type Extent = "result" | "channel" | "one";

export interface EpilogueOperand {
  readonly extent: Extent;
  readonly dtype: DType;
}

export interface Epilogue {
  readonly expression: MapExpression;
  readonly operands: readonly EpilogueOperand[];
}

/** The site's epilogue and the buffers that it reads besides the operation's own `own` inputs. */
export function epilogueOf<A>(
  site: Site<A>,
  own: number,
): { readonly epilogue?: Epilogue; readonly buffers: readonly BufferRef[] } {
  if (site.epilogue === undefined) return { buffers: [] };
  const extra = site.inputs.slice(own);
  const result = site.output.type.shape;
  const operands = extra.map(({ type }): EpilogueOperand => {
    const extent = sameShape(type.shape, result) ? "result" : sizeOf(type.shape) === 1 ? "one" : "channel";
    return { extent, dtype: type.dtype };
  });
  return {
    epilogue: { expression: site.epilogue, operands },
    buffers: extra.map((_, i) => ({ kind: "input", index: own + i })),
  };
}

export function epilogueKey(epilogue: Epilogue | undefined): string {
  if (epilogue === undefined) return "";
  return `+${expressionKey(epilogue.expression)} ${epilogue.operands.map((o) => o.extent + o.dtype).join()}`;
}

export interface Store {
  /** Says where the channels of the results to come start: the index of the first, and how far the next is (0 or 1). */
  channel(first: I32): void;
  /** A new group of results with the same channels: what was loaded for them may be used again until the next one. */
  group(): void;
  /**
   * Four results as they are to be stored at `to + offset`, an address in the result. `lane`: the channel of the first,
   * counted from what {@link channel} said; channels follow each other unless all four have that one (`sameChannel`).
   */
  finish(value: V128, to: I32, offset: number, lane: number, sameChannel?: boolean): V128;
  /** Finishes and stores eight channels, the first of which is `lane`, at `to + offset`. */
  cell(halves: readonly [V128, V128], to: I32, offset: number, lane: number): void;
}

/** Eight results side by side; bytes are the low eight bits of what the lanes hold, which is 0 to 255. */
function storeCell(f: FunctionBuilder, stored: DType, [low, high]: readonly V128[], to: I32, offset: number): void {
  if (stored === "uint8") {
    const words = f.let(i16x8.narrowI32x4U(low, high));
    f.do(v128.store64Lane(to, i8x16.narrowI16x8U(words, words), 0, offset));
  } else f.do(v128.store(to, low, offset), v128.store(to, high, offset + 16));
}

/**
 * @param result where the result starts
 * @param operands pointers to the epilogue's operands, in order
 * @param stored of what the result holds
 */
export function storeOf(
  f: FunctionBuilder,
  epilogue: Epilogue | undefined,
  fma: boolean,
  result: I32,
  operands: readonly I32[],
  stored: DType = "float32",
): Store {
  if (epilogue === undefined) {
    return {
      channel: () => {},
      group: () => {},
      finish: (value) => value,
      cell: (halves, to, offset) => storeCell(f, stored, halves, to, offset),
    };
  }
  const emitter = scalarEmitter(f, fma);
  const channels = epilogue.operands.map((o) => (o.extent === "channel" ? f.local("i32", "channels") : null));
  const ones = epilogue.operands.map((o, i) =>
    o.extent === "one" ? f.let(loadSplat(o.dtype, operands[i]), "one") : null,
  );
  const shifts = epilogue.operands.map((o, i) =>
    o.extent === "result" && BYTES[o.dtype] === BYTES[stored] ? f.let(i32.sub(operands[i], result), "shift") : null,
  );
  let loaded = new Map<string, Local<"v128">>();
  const load = (i: number, to: I32, offset: number, lane: number, sameChannel: boolean): V128 => {
    const { dtype, extent } = epilogue.operands[i];
    const one = ones[i];
    if (one !== null) return one;
    if (extent === "result") {
      const shift = shifts[i];
      if (shift !== null && dtype !== "uint8") return v128.load(i32.add(to, shift), offset);
      if (shift !== null) return loadVectors(f, dtype, i32.add(i32.add(to, shift), offset), 1)[0];
      const bytes = i32.sub(i32.add(to, offset), result);
      const at = stored === "uint8" ? i32.shl(bytes, 2) : i32.shrU(bytes, 2);
      return loadVectors(f, dtype, i32.add(operands[i], at), 1)[0];
    }
    const key = `${i} ${lane} ${sameChannel}`;
    const known = loaded.get(key);
    if (known !== undefined) return known;
    const at = i32.add(channels[i] ?? 0, (lane * vectorBytes(dtype)) / 4);
    const value = f.let(sameChannel ? loadSplat(dtype, at) : loadVectors(f, dtype, at, 1)[0], "channel");
    loaded.set(key, value);
    return value;
  };
  const finish: Store["finish"] = (value, to, offset, lane, sameChannel = false) => {
    const inputs = epilogue.operands.map((_, i) => load(i, to, offset, lane, sameChannel));
    return emitExpression(emitter, epilogue.expression, [value, ...inputs])[0];
  };
  return {
    channel(first) {
      loaded = new Map();
      epilogue.operands.forEach((o, i) => {
        const local = channels[i];
        if (local !== null) f.set(local, i32.add(operands[i], i32.mul(first, vectorBytes(o.dtype) / 4)));
      });
    },
    group() {
      loaded = new Map();
    },
    finish,
    cell(halves, to, offset, lane) {
      // Both halves are loaded for before one is stored: a store between two loads keeps V8 from pairing them.
      const low = f.let(finish(halves[0], to, offset, lane));
      const high = f.let(finish(halves[1], to, offset + 4 * BYTES[stored], lane + 4));
      storeCell(f, stored, [low, high], to, offset);
    },
  };
}
