/** A state dict as torch.save writes it: https://github.com/pytorch/pytorch/blob/main/torch/serialization.py */
import { type Zippable, zipSync } from "fflate";
import { type Tensor, int64Raw, toRaw } from "faltung";

const OP = { proto: 0x80, global: 0x63, tuple: 0x74, mark: 0x28, reduce: 0x52, persistent: 0x51, empty: 0x29 } as const;

/** PyTorch aligns the numbers, so that a file can be mapped into memory. */
const ALIGNMENT = 64;
/** Names a field of a zip's entry that only pads. */
const PADDING = 0x4246;

/** Bytes of a `.pt` file that torch.load (1.6 and later) reads as a state dict. Whole numbers become int64, as PyTorch's counters are. */
export function writeTorchFile(tensors: Readonly<Record<string, Tensor>>): Uint8Array {
  const raws = Object.entries(tensors).map(([name, tensor]) => {
    const whole = tensor.dtype === "int32";
    return { name, whole, raw: whole ? int64Raw(Array.from(tensor.data), tensor.shape) : toRaw(tensor) };
  });
  const code: number[] = [OP.proto, 2, ...orderedDict(), OP.mark];
  for (const [i, { name, whole, raw }] of raws.entries()) {
    const { shape } = raw;
    const count = shape.reduce((a, b) => a * b, 1);
    const stride = shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
    const storage = whole ? "LongStorage" : "FloatStorage";
    code.push(...text(name), ...global("torch._utils", "_rebuild_tensor_v2"), OP.mark);
    code.push(OP.mark, ...text("storage"), ...global("torch", storage), ...text(String(i)), ...text("cpu"));
    code.push(...integer(count), OP.tuple, OP.persistent);
    code.push(...integer(0), ...tuple(shape), ...tuple(stride), 0x89, ...orderedDict(), OP.tuple, OP.reduce);
  }
  code.push(0x75, 0x2e); // SETITEMS, STOP

  const files: [string, Uint8Array][] = [
    ["weights/data.pkl", Uint8Array.from(code)],
    ["weights/byteorder", Buffer.from("little")],
    ...raws.map(({ raw }, i): [string, Uint8Array] => [`weights/data/${i}`, raw.bytes]),
    ["weights/version", Buffer.from("3\n")],
  ];
  let at = 0;
  const entries: Zippable = {};
  for (const [name, bytes] of files) {
    const head = 30 + name.length + 4; // a local header with one extra field
    const padding = (ALIGNMENT - ((at + head) % ALIGNMENT)) % ALIGNMENT;
    entries[name] = [bytes, { level: 0, mtime: new Date(1980, 0, 1), extra: { [PADDING]: new Uint8Array(padding) } }];
    at += head + padding + bytes.length;
  }
  return zipSync(entries);
}

function orderedDict(): number[] {
  return [...global("collections", "OrderedDict"), OP.empty, OP.reduce];
}

function global(module: string, name: string): number[] {
  return [OP.global, ...Buffer.from(`${module}\n${name}\n`)];
}

function text(value: string): number[] {
  const bytes = Buffer.from(value);
  return [0x58, ...little(bytes.length), ...bytes];
}

/** BININT, or LONG1 where that is too small. */
function integer(value: number): number[] {
  if (value < 2 ** 31) return [0x4a, ...little(value)];
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return [0x8a, 8, ...bytes];
}

function little(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
}

function tuple(values: readonly number[]): number[] {
  return [OP.mark, ...values.flatMap(integer), OP.tuple];
}
