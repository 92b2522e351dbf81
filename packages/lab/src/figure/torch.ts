/** Between figures and layers in code: reads `nn.Conv2d(…)`, writes the layer that a figure shows. */
import type { Lang, Picture, Spec, Words } from "@faltung/figure";

/** What was wrong with a pasted layer. */
export class PasteError extends Error {
  readonly words: Words;
  constructor(words: Words) {
    super(words.en);
    this.words = words;
  }
}

interface Call {
  readonly name: string;
  readonly args: ReadonlyMap<string, string>;
}

const CONV = ["in_channels", "out_channels", "kernel_size", "stride", "padding"];
const POSITIONS: Readonly<Record<string, readonly string[]>> = {
  Conv1d: [...CONV, "dilation", "groups", "bias", "padding_mode"],
  Conv2d: [...CONV, "dilation", "groups", "bias", "padding_mode"],
  ConvTranspose2d: [...CONV, "output_padding", "groups", "bias", "dilation", "padding_mode"],
  MaxPool2d: ["kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"],
  AvgPool2d: ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"],
};
/** What changes nothing in a picture. */
const IGNORED = ["device", "dtype", "return_indices"];

/** What stands between a bracket at `from` and the one that closes it; undefined where none does. */
function inside(source: string, from: number): string | undefined {
  let depth = 0;
  for (let i = from; i < source.length; i++) {
    if ("([".includes(source[i])) depth++;
    if (")]".includes(source[i]) && --depth === 0) return source.slice(from + 1, i);
  }
  return undefined;
}

/** Splits at commas that stand in no brackets. */
function split(list: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = "";
  for (const c of list) {
    if (c === "(" || c === "[") depth++;
    if (c === ")" || c === "]") depth--;
    if (c === "," && depth === 0) {
      parts.push(part);
      part = "";
    } else part += c;
  }
  return [...parts, part].map((p) => p.trim()).filter((p) => p !== "");
}

/** The first layer that can be drawn, wherever it stands: in a line of a model's code, or in what PyTorch prints. */
function parseCall(pasted: string): Call {
  const source = pasted.replace(/#.*$/gm, "");
  const match = new RegExp(`\\b(${Object.keys(POSITIONS).join("|")})\\s*\\(`).exec(source);
  if (!match) {
    const known = Object.keys(POSITIONS).map((n) => `nn.${n}(…)`);
    throw new PasteError({
      en: `No layer was found. Paste one of ${known.join(", ")}.`,
      ko: `층을 찾지 못했습니다. ${known.join(", ")} 중 하나를 붙여넣으세요.`,
    });
  }
  const [head, name] = match;
  const list = inside(source, match.index + head.length - 1);
  if (list === undefined) {
    throw new PasteError({
      en: `A bracket of nn.${name}(… is not closed.`,
      ko: `nn.${name}(…의 괄호가 닫히지 않았습니다.`,
    });
  }
  const positions = POSITIONS[name];
  const args = new Map<string, string>();
  split(list).forEach((part, i) => {
    const keyed = /^(\w+)\s*=\s*([\s\S]+)$/.exec(part);
    const key = keyed ? keyed[1] : positions[i];
    if (key === undefined) {
      throw new PasteError({ en: `${name} has fewer arguments than that.`, ko: `${name}의 인자가 너무 많습니다.` });
    }
    if (!positions.includes(key) && !IGNORED.includes(key)) {
      throw new PasteError({
        en: `${name} has no argument ${key}; it takes ${positions.join(", ")}.`,
        ko: `${name}에는 ${key}라는 인자가 없습니다. 쓸 수 있는 인자: ${positions.join(", ")}`,
      });
    }
    if (args.has(key)) throw new PasteError({ en: `${key} is given twice.`, ko: `${key}가 두 번 나옵니다.` });
    args.set(key, (keyed ? keyed[2] : part).trim());
  });
  return { name, args };
}

/** `3`, `(3, 5)`, `[3, 5]` → [3, 3], [3, 5], [3, 5]. */
function pair(text: string, key: string): readonly [number, number] {
  const values = text
    .replace(/[()[\]\s]/g, "")
    .split(",")
    .filter((v) => v !== "")
    .map(Number);
  if (values.length < 1 || values.length > 2 || !values.every((v) => Number.isInteger(v) && v >= 0)) {
    throw new PasteError({
      en: `${key}=${text}: one whole number or a pair of them is meant.`,
      ko: `${key}=${text}: 정수 하나 또는 정수 쌍이어야 합니다.`,
    });
  }
  return [values[0], values[1] ?? values[0]];
}

const isTrue = (text: string | undefined): boolean => text === "True" || text === "true";
const isFalse = (text: string | undefined): boolean => text === "False" || text === "false";

/** A layer's figure, and what had to be left out of it. */
export interface Pasted {
  readonly spec: Spec;
  readonly note?: Words;
}

/** What the figure of several channels has room for. */
const ROOM = { input: 12, channels: 6, filters: 6, kernel: 5, stride: 4, padding: 4, dilation: 4 } as const;
/** Cells of an input, at most. */
const MOST_CELLS = 32;

/**
 * A figure for a pasted layer. It says everything that the layer says by being silent (stride 1, no padding), too.
 *
 * @throws PasteError in both languages
 * @example
 * ```ts
 * fromTorch("nn.Conv2d(1, 1, 3, stride=2)").spec; // { figure: "conv2d", kernel: "3", stride: "2", padding: "0", … }
 * ```
 */
export function fromTorch(source: string): Pasted {
  const { name, args } = parseCall(source);
  // One row of a picture, and a kernel of one row: that is a one-dimensional layer.
  const flat = name === "Conv1d";
  const numbers = (key: string, usual: number, row: number): readonly [number, number] => {
    const text = args.get(key);
    const [r, c] = text === undefined || text === "None" ? [usual, usual] : pair(text, key);
    return flat ? [row, c] : [r, c];
  };
  const written = ([r, c]: readonly [number, number], separator: string): string =>
    r === c ? String(r) : `${r}${separator}${c}`;
  if (!args.has("kernel_size")) {
    throw new PasteError({ en: `${name} needs a kernel_size.`, ko: `${name}에 kernel_size가 필요합니다.` });
  }
  const kernel = numbers("kernel_size", 1, 1);
  const pool = name === "MaxPool2d" || name === "AvgPool2d";
  const given = args.get("stride");
  const stride = pool && (given === undefined || given === "None") ? kernel : numbers("stride", 1, 1);
  const dilation = numbers("dilation", 1, 1);
  const word = /^['"](same|valid)['"]$/.exec(args.get("padding") ?? "")?.[1];
  const padding = word === undefined ? numbers("padding", 0, 0) : ([0, 0] as const);
  if (word === "same" && stride.some((s) => s > 1)) {
    throw new PasteError({
      en: "PyTorch refuses padding='same' with a stride other than 1. Give the padding as a number.",
      ko: "PyTorch는 스트라이드가 1이 아니면 padding='same'을 받지 않습니다. 패딩을 수로 적어 주세요.",
    });
  }
  const common = { kernel: written(kernel, "x"), stride: written(stride, ","), padding: word ?? written(padding, ",") };
  const extent = kernel.map((k, d) => dilation[d] * (k - 1) + 1);
  /** An input on which the kernel makes some steps, where the usual one is too small for that. */
  const need = extent.map((e, d) => e - (word === "same" ? e - 1 : 2 * padding[d]) + stride[d]);
  const usual = pool ? 6 : 5;
  const enough = (d: number, least: number): number => Math.min(MOST_CELLS, Math.max(least, need[d]));
  const input: Readonly<Record<string, string>> = flat
    ? { input: `1x${enough(1, 8)}` }
    : need.every((n) => n <= usual)
      ? {}
      : { input: written([enough(0, usual), enough(1, usual)], "x") };
  if (pool) {
    if (args.has("divisor_override") && args.get("divisor_override") !== "None") {
      throw new PasteError({
        en: "divisor_override can't be drawn.",
        ko: "divisor_override는 그릴 수 없습니다.",
      });
    }
    const ceil = isTrue(args.get("ceil_mode")) ? "1" : "0";
    const own: Readonly<Record<string, string>> =
      name === "MaxPool2d"
        ? { op: "max", dilation: written(dilation, ",") }
        : { op: "average", countpad: isFalse(args.get("count_include_pad")) ? "0" : "1" };
    return { spec: { figure: "pool", ...common, ...own, ceil, ...input } };
  }
  const channels = Number(args.get("in_channels"));
  const filters = Number(args.get("out_channels"));
  if (!(channels >= 1) || !(filters >= 1)) {
    throw new PasteError({
      en: `${name} begins with in_channels and out_channels, as in nn.${name}(3, 16, 3).`,
      ko: `${name}의 처음 두 인자는 in_channels와 out_channels입니다. 예: nn.${name}(3, 16, 3)`,
    });
  }
  const groups = Number(args.get("groups") ?? 1);
  if (!(groups >= 1) || channels % groups !== 0 || filters % groups !== 0) {
    throw new PasteError({
      en: `groups=${args.get("groups")} must divide both in_channels and out_channels.`,
      ko: `groups=${args.get("groups")}는 in_channels와 out_channels를 모두 나누어떨어지게 해야 합니다.`,
    });
  }
  const shown = (c: number, f: number): { readonly note?: Words } =>
    c === channels && f === filters
      ? {}
      : {
          note: {
            en: `Of ${channels} input channels and ${filters} filters, ${c} and ${f} are drawn.`,
            ko: `입력 채널 ${channels}개와 필터 ${filters}개 가운데 ${c}개와 ${f}개만 그렸습니다.`,
          },
        };
  const plain = { ...common, dilation: written(dilation, ",") };
  if (name === "ConvTranspose2d") {
    const outputpadding = written(numbers("output_padding", 0, 0), ",");
    return { spec: { figure: "transposed", ...plain, outputpadding }, ...shown(1, 1) };
  }
  const mode = /\w+/.exec(args.get("padding_mode") ?? "zeros")?.[0] ?? "zeros";
  const asked = { input: need, kernel, stride, padding, dilation };
  const fits = (["input", "kernel", "stride", "padding", "dilation"] as const).every((key) =>
    asked[key].every((n) => n <= ROOM[key]),
  );
  if (fits && channels <= ROOM.channels && channels * filters > 1) {
    const most = Math.min(filters, ROOM.filters - (ROOM.filters % groups));
    const bias = isFalse(args.get("bias")) ? "0" : "1";
    const spec = { channels: String(channels), filters: String(most), groups: String(groups), bias };
    return { spec: { figure: "channels", ...plain, mode, ...spec, ...input }, ...shown(channels, most) };
  }
  return { spec: { figure: "conv2d", ...plain, mode, ...input }, ...shown(1, 1) };
}

type Options = Readonly<Record<string, string>>;

const kernelText = (rows: readonly (readonly number[])[]): string =>
  rows.length === rows[0].length ? String(rows.length) : `${rows.length}x${rows[0].length}`;

const tuple = (text: string): string => {
  const parts = text.split(/[x,]/);
  return parts.length === 1 ? parts[0] : `(${parts.join(", ")})`;
};
const list = (text: string): string => {
  const parts = text.split(/[x,]/);
  return parts.length === 1 ? parts[0] : `[${parts.join(", ")}]`;
};

/** The layer of a figure as PyTorch and as Faltung; undefined where a figure shows no layer. */
export function layerCode(
  { figure, options: given, numbers }: Pick<Picture, "figure" | "options" | "numbers">,
  lang: Lang,
): { torch: string; faltung: string } | undefined {
  // A kernel by name or by its numbers has a size of its own.
  const rows = numbers.find((n) => n.option === "weights")?.planes[0].rows;
  const options: Options = rows === undefined ? given : { ...given, kernel: kernelText(rows) };
  const of = (key: string, usual: string): string => options[key] ?? usual;
  const said = (key: string, usual: string): boolean => of(key, usual) !== usual;
  const sides = of("padding", "0").includes(":");
  const torch: string[] = [];
  const ours: string[] = [];
  const remarks: string[] = [];
  const say = (key: string, usual: string, torchName: string, ourName = torchName): void => {
    if (!said(key, usual)) return;
    const value = of(key, usual);
    const word = /^[a-z]+$/.test(value);
    torch.push(`${torchName}=${word ? `"${value}"` : tuple(value)}`);
    ours.push(`${ourName}: ${word ? `"${value}"` : list(value)}`);
  };
  const join = (head: readonly string[]): { torch: string; faltung: string } => ({
    torch: [...head, ...torch].join(", "),
    faltung: [
      ...head.map((h) => h.replace("(", "[").replace(")", "]")),
      ...(ours.length ? [`{ ${ours.join(", ")} }`] : []),
    ].join(", "),
  });
  if (figure === "conv2d" || figure === "channels") {
    const many = figure === "channels";
    say("stride", "1", "stride");
    if (sides) {
      const pairs = of("padding", "0")
        .split(",")
        .map((p) => p.split(":"))
        .map(([b, e]) => [b, e ?? b]);
      const [rows, cols] = pairs.length === 1 ? [pairs[0], pairs[0]] : pairs;
      ours.push(`padding: [[${rows.join(", ")}], [${cols.join(", ")}]]`);
      const mode = said("mode", "zeros") ? `, mode="${of("mode", "zeros")}"` : "";
      remarks.push(`${lang === "ko" ? "먼저" : "first"} F.pad(x, (${[...cols, ...rows].join(", ")})${mode})`);
    } else say("padding", "0", "padding");
    say("dilation", "1", "dilation");
    say("groups", "1", "groups");
    // A bias is the default of both.
    if (!many || said("bias", "1")) {
      torch.push("bias=False");
      ours.push("bias: false");
    }
    if (!sides) say("mode", "zeros", "padding_mode", "paddingMode");
    else if (said("mode", "zeros")) ours.push(`paddingMode: "${of("mode", "zeros")}"`);
    if (of("flip", "0") === "1") ours.push("flip: true");
    const head = [of("channels", many ? "3" : "1"), of("filters", many ? "2" : "1"), tuple(of("kernel", "3"))];
    const { torch: a, faltung: b } = join(head);
    if (of("flip", "0") === "1") {
      remarks.push(
        lang === "ko" ? "PyTorch는 뒤집지 않으므로 weight.flip(2, 3)" : "PyTorch never flips: weight.flip(2, 3)",
      );
    }
    return { torch: [`nn.Conv2d(${a})`, ...remarks].join("  # "), faltung: `new Conv2d(${b})` };
  }
  if (figure === "transposed") {
    say("stride", "1", "stride");
    if (options["stride"] === undefined) {
      torch.push("stride=2");
      ours.push("stride: 2");
    }
    if (of("padding", "1") !== "0") {
      torch.push(`padding=${tuple(of("padding", "1"))}`);
      ours.push(`padding: ${list(of("padding", "1"))}`);
    }
    say("outputpadding", "0", "output_padding", "outputPadding");
    say("dilation", "1", "dilation");
    torch.push("bias=False");
    ours.push("bias: false");
    const { torch: a, faltung: b } = join(["1", "1", tuple(of("kernel", "3"))]);
    return { torch: `nn.ConvTranspose2d(${a})`, faltung: `new ConvTranspose2d(${b})` };
  }
  if (figure === "pool") {
    const max = of("op", "max") === "max";
    if (of("stride", "2") !== of("kernel", "2")) {
      torch.push(`stride=${tuple(of("stride", "2"))}`);
      ours.push(`stride: ${list(of("stride", "2"))}`);
    }
    say("padding", "0", "padding");
    if (max) say("dilation", "1", "dilation");
    if (said("ceil", "0")) {
      torch.push("ceil_mode=True");
      ours.push("ceilMode: true");
    }
    if (!max && said("countpad", "1")) {
      torch.push("count_include_pad=False");
      ours.push("countIncludePad: false");
    }
    const { torch: a, faltung: b } = join([tuple(of("kernel", "2"))]);
    const name = max ? "MaxPool2d" : "AvgPool2d";
    return { torch: `nn.${name}(${a})`, faltung: `new ${name}(${b})` };
  }
  return undefined;
}
