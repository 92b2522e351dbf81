/**
 * PyTorch's `.pt` files that hold a state dict: a zip with a pickle and the numbers, or the older form of one pickle
 * after another. Read by rules that make tensors and plain values and nothing else; written so that torch.load reads
 * it. The form: https://github.com/pytorch/pytorch/blob/main/torch/serialization.py
 */
import { unzipSync } from "fflate";
import { FormatError, type RawTensor, type SafetensorsDType } from "faltung";
import { type Pickled, type PickleRules, isKind, readPickle } from "./pickle.ts";

/** PyTorch's storages, our dtypes, bytes of an element. */
const STORAGES: Readonly<Record<string, readonly [SafetensorsDType, number]>> = {
  "torch.FloatStorage": ["F32", 4],
  "torch.DoubleStorage": ["F64", 8],
  "torch.HalfStorage": ["F16", 2],
  "torch.BFloat16Storage": ["BF16", 2],
  "torch.LongStorage": ["I64", 8],
  "torch.IntStorage": ["I32", 4],
  "torch.ShortStorage": ["I16", 2],
  "torch.CharStorage": ["I8", 1],
  "torch.ByteStorage": ["U8", 1],
  "torch.BoolStorage": ["BOOL", 1],
};

const CALLS: readonly string[] = [
  "collections.OrderedDict",
  "torch._utils._rebuild_tensor_v2",
  "torch._utils._rebuild_parameter",
];

/** Numbers that tensors look at. */
interface Storage {
  readonly dtype: SafetensorsDType;
  readonly width: number;
  readonly key: string;
  readonly count: number;
}

/** A view of a storage, in elements. */
interface View {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
}

/** What a file holds. */
export interface TorchFile {
  readonly tensors: ReadonlyMap<string, RawTensor>;
  /** Under which key of a checkpoint the state dict was found, if it was not the whole. */
  readonly within?: string;
}

/** How training scripts call the state dict among what else they save. */
const USUAL_KEYS = ["state_dict", "model_state_dict", "model", "net", "module"];

const ZIP = [0x50, 0x4b, 0x03, 0x04];
const LEGACY = "8a0a6cfc9c46f9206aa85019"; // PyTorch's magic number, as the first pickle's LONG1

/** Whether these are the first bytes of a file that torch.save wrote. */
export function isTorchFile(bytes: Uint8Array): boolean {
  return ZIP.every((byte, i) => bytes[i] === byte) || isLegacy(bytes);
}

function isLegacy(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(2, 14)).toString("hex").startsWith(LEGACY);
}

/**
 * The tensors of a `.pt` or `.pth` file, by name, little-endian and contiguous. Nothing in the file is run.
 * @param what how messages name the file
 * @throws FormatError naming what in it is broken, or no part of a state dict
 */
export function readTorchFile(bytes: Uint8Array, what: string): TorchFile {
  const { top, numbers } = isLegacy(bytes) ? readLegacy(bytes, what) : readZip(bytes, what);
  const found = stateDictIn(top, what);
  const tensors = new Map<string, RawTensor>();
  let total = 0;
  for (const [name, view] of found.views) {
    if (tensors.has(name)) throw new FormatError(`${what}: it has ${JSON.stringify(name)} twice.`);
    const raw = materialise(view, numbers(view.storage), `${what}: ${name}`);
    total += raw.bytes.length;
    if (total > 4 * bytes.length + 1024) {
      throw new FormatError(`${what}: its tensors are views of each other that would fill more than 4 times the file.`);
    }
    tensors.set(name, raw);
  }
  return { tensors, ...(found.within === undefined ? {} : { within: found.within }) };
}

interface Opened {
  readonly top: Pickled;
  readonly numbers: (storage: Storage) => Uint8Array;
}

function readZip(bytes: Uint8Array, what: string): Opened {
  const files = unzip(bytes, what);
  const names = [...files.keys()];
  const main = names.find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (main === undefined) throw new FormatError(`${what}: the zip holds no data.pkl; torch.save did not write it.`);
  const folder = main.slice(0, -"data.pkl".length);
  if (names.some((name) => name.startsWith(`${folder}code/`) || name === `${folder}constants.pkl`)) {
    throw new FormatError(
      `${what}: it is a TorchScript archive, a program. Save its weights: torch.save(torch.jit.load(FILE).state_dict(), "weights.pt")`,
    );
  }
  const order = files.get(`${folder}byteorder`);
  if (order !== undefined && Buffer.from(order).toString().trim() !== "little") {
    throw new FormatError(`${what}: its numbers are big-endian; only little-endian files are read.`);
  }
  const { value: top } = readPickle(files.get(main) ?? new Uint8Array(), rules(what));
  return {
    top,
    numbers: ({ key, count, width }) => {
      const data = files.get(`${folder}data/${key}`);
      if (data === undefined) throw new FormatError(`${what}: the zip has no data/${key}.`);
      if (data.length < count * width) {
        throw new FormatError(`${what}: data/${key} has ${data.length} bytes, ${count * width} were declared.`);
      }
      return data;
    },
  };
}

/** What is in a zip. Files of torch.save are stored as they are; a packed one may be at most so much larger. */
const MOST_PACKED = 200;

function unzip(bytes: Uint8Array, what: string): Map<string, Uint8Array> {
  const seen = new Set<string>();
  let total = 0;
  try {
    const files = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        if (seen.has(name)) throw new FormatError(`${what}: two files in the zip are called ${JSON.stringify(name)}.`);
        seen.add(name);
        total += originalSize;
        if (total > MOST_PACKED * bytes.length)
          throw new FormatError(`${what}: the zip would unpack to ${total} bytes.`);
        return true;
      },
    });
    return new Map(Object.entries(files));
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(`${what}: the zip cannot be read (${String(error)}); the file is damaged.`, { cause: error });
  }
}

/** Before PyTorch 1.6: magic, version, machine, the value, the storages' keys, then their numbers one after another. */
function readLegacy(bytes: Uint8Array, what: string): Opened {
  const declared = new Map<string, Storage>();
  const own = rules(what, declared);
  let at = 0;
  const next = (): Pickled => {
    const { value, end } = readPickle(bytes, own, at);
    at = end;
    return value;
  };
  next(); // the magic number
  if (next() !== 1001) throw new FormatError(`${what}: an old form of torch.save that is not known.`);
  const machine = next();
  const little = isKind(machine, "dict") && machine.entries.some(([key, v]) => key === "little_endian" && v === true);
  if (!little) throw new FormatError(`${what}: its numbers are big-endian; only little-endian files are read.`);
  const top = next();
  const keys = next();
  if (!isKind(keys, "list")) throw new FormatError(`${what}: the list of its storages is missing.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = new Map<string, Uint8Array>();
  for (const key of keys.items) {
    const storage = typeof key === "string" ? declared.get(key) : undefined;
    if (storage === undefined) throw new FormatError(`${what}: storage ${String(key)} belongs to no tensor.`);
    const end = at + 8 + storage.count * storage.width;
    if (end > bytes.length || view.getBigInt64(at, true) !== BigInt(storage.count)) {
      throw new FormatError(`${what}: storage ${storage.key} does not have the ${storage.count} numbers it declares.`);
    }
    data.set(storage.key, bytes.subarray(at + 8, end));
    at = end;
  }
  return {
    top,
    numbers: ({ key }) => {
      const found = data.get(key);
      if (found === undefined) throw new FormatError(`${what}: storage ${key} is not in the file.`);
      return found;
    },
  };
}

/** @param declared notes the storages that are named */
function rules(what: string, declared: Map<string, Storage> = new Map()): PickleRules {
  const fail = (why: string): FormatError => new FormatError(`${what}: ${why}.`);
  const natural = (value: Pickled | undefined, name: string): number => {
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw fail(`the ${name} of a tensor is ${String(value)}; expected a whole number ≥ 0`);
  };
  const naturals = (value: Pickled | undefined, name: string): number[] => {
    if (!isKind(value, "tuple")) throw fail(`the ${name} of a tensor is no tuple`);
    return value.items.map((item) => natural(item, name));
  };
  return {
    what,
    allowed: (name) => CALLS.includes(name) || Object.hasOwn(STORAGES, name),
    persistent(id) {
      const [kind, type, key, , count, part = null] = isKind(id, "tuple") ? id.items : [];
      const known = isKind(type, "global") && Object.hasOwn(STORAGES, type.name) ? STORAGES[type.name] : undefined;
      if (kind !== "storage" || known === undefined || typeof key !== "string" || key.includes("/")) {
        throw fail("a storage is not described as torch.save does it");
      }
      if (part !== null) throw fail(`storage ${key} is a view of another, which is not supported`);
      const [dtype, width] = known;
      const storage: Storage = { dtype, width, key, count: natural(count, "number of elements") };
      const other = declared.get(key);
      if (other !== undefined && (other.count !== storage.count || other.dtype !== dtype)) {
        throw fail(`storage ${key} is described twice, and not alike`);
      }
      declared.set(key, storage);
      return { kind: "object", value: storage };
    },
    call(name, args) {
      if (name === "collections.OrderedDict") {
        if (args.length === 0) return { kind: "dict", entries: [] };
        throw fail("an OrderedDict is made in a way that torch.save does not use");
      }
      if (name === "torch._utils._rebuild_parameter") {
        if (isKind(args[0], "object") && isView(args[0].value)) return args[0];
        throw fail("a parameter is not made of a tensor");
      }
      if (name !== "torch._utils._rebuild_tensor_v2") throw fail(`${name} is not a function`);
      const [storage, offset, shape, stride] = args;
      if (!isKind(storage, "object") || !isStorage(storage.value)) throw fail("a tensor has no storage");
      const view: View = {
        storage: storage.value,
        offset: natural(offset, "offset"),
        shape: naturals(shape, "shape"),
        stride: naturals(stride, "stride"),
      };
      return { kind: "object", value: view };
    },
  };
}

function isStorage(value: unknown): value is Storage {
  return typeof value === "object" && value !== null && "width" in value;
}

function isView(value: unknown): value is View {
  return typeof value === "object" && value !== null && "stride" in value;
}

/** The tensors by name: the whole value, or the one of its members that training scripts keep them in. */
function stateDictIn(top: Pickled, what: string): { views: [string, View][]; within?: string } {
  if (!isKind(top, "dict")) {
    throw new FormatError(`${what}: it holds no dictionary of tensors. Save model.state_dict(), not something else.`);
  }
  const own = viewsOf(top);
  if (own.length > 0) return { views: own };
  for (const key of USUAL_KEYS) {
    const value = top.entries.find(([name]) => name === key)?.[1];
    const views = isKind(value, "dict") ? viewsOf(value) : [];
    if (views.length > 0) return { views, within: key };
  }
  const keys = top.entries.map(([key]) => String(key).slice(0, 40));
  throw new FormatError(
    `${what}: there are no tensors in it, nor under ${USUAL_KEYS.join(", ")}; it has ${keys.slice(0, 10).join(", ") || "nothing"}.`,
  );
}

function viewsOf(dict: Extract<Pickled, { readonly kind: "dict" }>): [string, View][] {
  return dict.entries.flatMap(([key, value]): [string, View][] =>
    typeof key === "string" && isKind(value, "object") && isView(value.value) ? [[key, value.value]] : [],
  );
}

/** The numbers of a view, in order. */
function materialise({ storage, offset, shape, stride }: View, numbers: Uint8Array, what: string): RawTensor {
  const { dtype, width, count } = storage;
  const size = shape.reduce((n, d) => n * d, 1);
  if (stride.length !== shape.length) {
    throw new FormatError(`${what}: its shape has ${shape.length} numbers, its stride ${stride.length}.`);
  }
  const last = size === 0 ? 0 : offset + shape.reduce((at, d, i) => at + (d - 1) * stride[i], 0) + 1;
  if (last > count || size > count) {
    throw new FormatError(
      `${what}: [${shape.join(", ")}] with stride [${stride.join(", ")}] from ${offset} on does not fit the ${count} numbers it is a view of.`,
    );
  }
  let expected = 1;
  const plain = shape.reduceRight((so, d, i) => {
    const fits = d === 1 || stride[i] === expected;
    expected *= d;
    return so && fits;
  }, true);
  if (plain) return { dtype, shape, bytes: numbers.subarray(offset * width, (offset + size) * width) };
  const bytes = new Uint8Array(size * width);
  const index = shape.map(() => 0);
  for (let n = 0; n < size; n++) {
    const from = (offset + index.reduce((at, x, i) => at + x * stride[i], 0)) * width;
    bytes.set(numbers.subarray(from, from + width), n * width);
    for (let i = shape.length - 1; i >= 0 && ++index[i] === shape[i]; i--) index[i] = 0;
  }
  return { dtype, shape, bytes };
}
