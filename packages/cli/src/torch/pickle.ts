/**
 * Reading a pickle without running it. A pickle is a program; this machine knows only the instructions that make plain
 * values, and hands every name of a function to the caller, who knows the few that a state dict needs. Anything else
 * is refused by its name. https://github.com/python/cpython/blob/main/Lib/pickletools.py has the instructions.
 */
import { FormatError } from "faltung";

export interface PickledList {
  readonly kind: "list";
  readonly items: Pickled[];
}

export interface PickledTuple {
  readonly kind: "tuple";
  readonly items: readonly Pickled[];
}

export interface PickledDict {
  readonly kind: "dict";
  readonly entries: [key: Pickled, value: Pickled][];
}

/** A name that stands for a class or a function: `torch._utils._rebuild_tensor_v2`. */
export interface PickledGlobal {
  readonly kind: "global";
  readonly name: string;
}

/** What the caller made of a call or a persistent name. */
export interface PickledObject {
  readonly kind: "object";
  readonly value: unknown;
}

export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickledList
  | PickledTuple
  | PickledDict
  | PickledGlobal
  | PickledObject;

export interface PickleRules {
  /** How messages name the file. */
  readonly what: string;
  /** Whether a pickle may name this. */
  readonly allowed: (name: string) => boolean;
  /** What calling it gives. @throws FormatError */
  readonly call: (name: string, args: readonly Pickled[]) => Pickled;
  /** What a persistent id stands for. @throws FormatError */
  readonly persistent: (id: Pickled) => Pickled;
}

const MARK = Symbol("mark");

/** How instructions are called in messages; those that are refused are here too. */
const NAMES: Readonly<Record<number, string>> = {
  0x28: "MARK",
  0x29: "EMPTY_TUPLE",
  0x30: "POP",
  0x31: "POP_MARK",
  0x32: "DUP",
  0x46: "FLOAT",
  0x49: "INT",
  0x4c: "LONG",
  0x50: "PERSID",
  0x53: "STRING",
  0x56: "UNICODE",
  0x64: "DICT",
  0x67: "GET",
  0x69: "INST",
  0x6c: "LIST",
  0x6f: "OBJ",
  0x70: "PUT",
  0x81: "NEWOBJ",
  0x82: "EXT1",
  0x83: "EXT2",
  0x84: "EXT4",
  0x8f: "EMPTY_SET",
  0x90: "ADDITEMS",
  0x91: "FROZENSET",
  0x92: "NEWOBJ_EX",
  0x96: "BYTEARRAY8",
  0x97: "NEXT_BUFFER",
  0x98: "READONLY_BUFFER",
};

/** Numbers longer than this are none that a state dict has. */
const LONGEST = 64;
/** Values that wait on the stack; Python's pickler puts what it writes away after every thousand. */
const DEEPEST = 100_000;

/**
 * Reads one pickle from `at` on.
 * @returns its value, and where it ended
 * @throws FormatError naming the instruction or the function that is not accepted, and where it stands
 */
export function readPickle(bytes: Uint8Array, rules: PickleRules, at: number = 0): { value: Pickled; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = new TextDecoder("utf-8", { fatal: true });
  const stack: (Pickled | typeof MARK)[] = [];
  const memo = new Map<number, Pickled>();
  const start = at;
  let opcodeAt = at;

  const fail = (why: string): FormatError => {
    return new FormatError(`${rules.what}: byte ${opcodeAt - start} of its pickle: ${why}.`);
  };
  const take = (n: number): number => {
    const from = at;
    if (!(n >= 0 && from + n <= bytes.length)) throw fail("it ends too early");
    at += n;
    return from;
  };
  const size = (width: 1 | 4 | 8): number => {
    const from = take(width);
    if (width === 1) return bytes[from];
    return width === 4 ? view.getUint32(from, true) : Number(view.getBigUint64(from, true));
  };
  const string = (n: number): string => {
    const from = take(n);
    try {
      return text.decode(bytes.subarray(from, from + n));
    } catch {
      throw fail("a string is not UTF-8");
    }
  };
  const line = (): string => {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) throw fail("it ends too early");
    const value = string(end - at);
    at = end + 1;
    return value;
  };
  const pop = (): Pickled => {
    const value = stack.pop();
    if (value === undefined || value === MARK) throw fail("it takes a value where there is none");
    return value;
  };
  const top = (): Pickled => {
    const value = pop();
    stack.push(value);
    return value;
  };
  const sinceMark = (): Pickled[] => {
    const mark = stack.lastIndexOf(MARK);
    if (mark < 0) throw fail("it takes values up to a mark where there is none");
    const values = stack.splice(mark);
    return values.slice(1) as Pickled[]; // behind the last mark there is no other
  };
  const long = (n: number): number | bigint => {
    if (n > LONGEST) throw fail(`a whole number of ${n} bytes is not accepted`);
    const from = take(n);
    let value = 0n;
    for (let i = n - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[from + i]);
    if (n > 0 && bytes[from + n - 1] >= 0x80) value -= 1n << BigInt(8 * n);
    const plain = Number(value);
    return Number.isSafeInteger(plain) ? plain : value;
  };
  const global = (name: string): PickledGlobal => {
    if (rules.allowed(name)) return { kind: "global", name };
    throw fail(`it names ${JSON.stringify(name.slice(0, 100))}, which is not part of a state dict and is not run`);
  };
  const into = (kind: "list" | "dict"): PickledList | PickledDict => {
    const value = top();
    if (isKind(value, kind)) return value;
    throw fail(`it adds to something that is no ${kind}`);
  };
  const append = (values: readonly Pickled[]): void => {
    const list = into("list");
    if (list.kind === "list") for (const value of values) list.items.push(value);
  };
  const setItems = (values: readonly Pickled[]): void => {
    const dict = into("dict");
    if (values.length % 2 !== 0) throw fail("a key has no value");
    if (dict.kind !== "dict") return;
    for (let i = 0; i < values.length; i += 2) dict.entries.push([values[i], values[i + 1]]);
  };
  const tuple = (items: Pickled[]): void => void stack.push({ kind: "tuple", items });
  const remember = (key: number): void => void memo.set(key, top());
  const recall = (key: number): void => {
    const value = memo.get(key);
    if (value === undefined) throw fail(`it recalls value ${key}, which was never kept`);
    stack.push(value);
  };

  for (;;) {
    opcodeAt = at;
    if (stack.length > DEEPEST) throw fail(`more than ${DEEPEST} values wait in it`);
    const opcode = bytes[take(1)];
    switch (opcode) {
      case 0x80: {
        const version = size(1);
        if (version < 2 || version > 5) throw fail(`protocol ${version} is not known (2 to 5 are)`);
        break;
      }
      case 0x95: // FRAME
        take(8);
        break;
      case 0x2e: {
        const value = pop();
        if (stack.length > 0) throw fail("it leaves values behind");
        return { value, end: at };
      }
      case 0x28:
        stack.push(MARK);
        break;
      case 0x4e:
        stack.push(null);
        break;
      case 0x88:
        stack.push(true);
        break;
      case 0x89:
        stack.push(false);
        break;
      case 0x4a:
        stack.push(view.getInt32(take(4), true));
        break;
      case 0x4b:
        stack.push(size(1));
        break;
      case 0x4d:
        stack.push(view.getUint16(take(2), true));
        break;
      case 0x8a:
        stack.push(long(size(1)));
        break;
      case 0x8b:
        stack.push(long(size(4)));
        break;
      case 0x47:
        stack.push(view.getFloat64(take(8), false));
        break;
      case 0x58: // BINUNICODE
      case 0x54: // BINSTRING, of Python 2
        stack.push(string(size(4)));
        break;
      case 0x8c:
      case 0x55:
        stack.push(string(size(1)));
        break;
      case 0x8d:
        stack.push(string(size(8)));
        break;
      case 0x42:
      case 0x43:
      case 0x8e: {
        const n = size(opcode === 0x42 ? 4 : opcode === 0x43 ? 1 : 8);
        const from = take(n);
        stack.push(bytes.subarray(from, from + n));
        break;
      }
      case 0x7d:
        stack.push({ kind: "dict", entries: [] });
        break;
      case 0x5d:
        stack.push({ kind: "list", items: [] });
        break;
      case 0x29:
        tuple([]);
        break;
      case 0x74:
        tuple(sinceMark());
        break;
      case 0x85:
      case 0x86:
      case 0x87:
        tuple(Array.from({ length: opcode - 0x84 }, pop).reverse());
        break;
      case 0x61: {
        const value = pop();
        append([value]);
        break;
      }
      case 0x65:
        append(sinceMark());
        break;
      case 0x73: {
        const value = pop();
        setItems([pop(), value]);
        break;
      }
      case 0x75:
        setItems(sinceMark());
        break;
      case 0x71:
        remember(size(1));
        break;
      case 0x72:
        remember(size(4));
        break;
      case 0x94:
        remember(memo.size);
        break;
      case 0x68:
        recall(size(1));
        break;
      case 0x6a:
        recall(size(4));
        break;
      case 0x63: {
        const module = line();
        stack.push(global(`${module}.${line()}`));
        break;
      }
      case 0x93: {
        const name = pop();
        stack.push(global(`${String(pop())}.${String(name)}`));
        break;
      }
      case 0x52: {
        const args = pop();
        const callee = pop();
        if (!isKind(callee, "global") || !isKind(args, "tuple")) throw fail("it calls something that is no function");
        stack.push(rules.call(callee.name, args.items));
        break;
      }
      case 0x62: {
        pop(); // the notes on versions that PyTorch hangs on a state dict
        if (!isKind(top(), "dict")) throw fail("it sets the state of something that is no dictionary (BUILD)");
        break;
      }
      case 0x51:
        stack.push(rules.persistent(pop()));
        break;
      default: {
        const name = NAMES[opcode] ?? `0x${opcode.toString(16).padStart(2, "0")}`;
        throw fail(`the instruction ${name} is not part of a state dict`);
      }
    }
  }
}

type OfKind<K> = Extract<Pickled, { readonly kind: K }>;

/** Whether a value is a tuple, a dictionary, … */
export function isKind<K extends "list" | "tuple" | "dict" | "global" | "object">(
  value: Pickled | undefined,
  kind: K,
): value is OfKind<K> {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}
