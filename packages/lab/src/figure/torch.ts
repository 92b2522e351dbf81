/** Between figures and layers in code: reads `nn.Conv2d(…)`, writes the layer that a figure shows. */
import type { Lang, Spec, Words } from "@faltung/figure";

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

const CONV = ["in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias"];
const POSITIONS: Readonly<Record<string, readonly string[]>> = {
  Conv2d: [...CONV, "padding_mode"],
  ConvTranspose2d: ["in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups"],
  MaxPool2d: ["kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"],
  AvgPool2d: ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"],
};

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

function parseCall(source: string): Call {
  const match = /(?:nn\.)?(\w+)\s*\(([\s\S]*)\)/.exec(source);
  const positions = match ? POSITIONS[match[1]] : undefined;
  if (!match || positions === undefined) {
    const known = Object.keys(POSITIONS).map((n) => `nn.${n}(…)`);
    throw new PasteError({
      en: `No layer was found. Paste one of ${known.join(", ")}.`,
      ko: `층을 찾지 못했습니다. ${known.join(", ")} 중 하나를 붙여넣으세요.`,
    });
  }
  const args = new Map<string, string>();
  split(match[2]).forEach((part, i) => {
    const keyed = /^(\w+)\s*=\s*([\s\S]+)$/.exec(part);
    const key = keyed ? keyed[1] : positions[i];
    if (key === undefined) throw tooMany(match[1]);
    args.set(key, (keyed ? keyed[2] : part).trim());
  });
  return { name: match[1], args };
}

function tooMany(name: string): PasteError {
  return new PasteError({ en: `${name} has fewer arguments than that.`, ko: `${name}의 인자가 너무 많습니다.` });
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

/**
 * A figure for a pasted layer.
 *
 * @throws PasteError in both languages
 * @example
 * ```ts
 * fromTorch("nn.Conv2d(1, 8, 3, stride=2, padding=1)"); // { figure: "conv2d", kernel: "3", stride: "2", padding: "1", … }
 * ```
 */
export function fromTorch(source: string): Spec {
  const { name, args } = parseCall(source);
  const spec: Record<string, string> = {};
  const take = (from: string, to: string, separator: string): void => {
    const text = args.get(from);
    if (text === undefined || text === "None") return;
    const word = /^['"](same|valid)['"]$/.exec(text);
    if (word && from === "padding") {
      spec[to] = word[1];
      return;
    }
    const [r, c] = pair(text, from);
    spec[to] = r === c ? String(r) : `${r}${separator}${c}`;
  };
  take("kernel_size", "kernel", "x");
  take("stride", "stride", ",");
  take("padding", "padding", ",");
  take("dilation", "dilation", ",");
  if (spec["kernel"] === undefined) {
    throw new PasteError({ en: `${name} needs a kernel_size.`, ko: `${name}에 kernel_size가 필요합니다.` });
  }
  if (name === "MaxPool2d" || name === "AvgPool2d") {
    spec["op"] = name === "MaxPool2d" ? "max" : "average";
    spec["stride"] ??= spec["kernel"].replace("x", ",");
    if (isTrue(args.get("ceil_mode"))) spec["ceil"] = "1";
    if (args.get("count_include_pad") === "False") spec["countpad"] = "0";
    return { figure: "pool", ...spec };
  }
  const channels = Number(args.get("in_channels"));
  const filters = Number(args.get("out_channels"));
  if (!(channels >= 1) || !(filters >= 1)) {
    throw new PasteError({
      en: `${name} begins with in_channels and out_channels, as in nn.${name}(3, 16, 3).`,
      ko: `${name}의 처음 두 인자는 in_channels와 out_channels입니다. 예: nn.${name}(3, 16, 3)`,
    });
  }
  if (name === "ConvTranspose2d") {
    take("output_padding", "outputpadding", ",");
    return { figure: "transposed", stride: "1", padding: "0", ...spec };
  }
  const mode = /\w+/.exec(args.get("padding_mode") ?? "zeros")?.[0] ?? "zeros";
  if (mode !== "zeros") spec["mode"] = mode;
  const groups = args.get("groups") ?? "1";
  // The channels figure has room for six; with more, one channel stands for all.
  if (channels <= 6 && (channels > 1 || filters <= 6) && channels * filters > 1 && spec["dilation"] === undefined) {
    const bias = args.get("bias") === "False" ? "0" : "1";
    return {
      figure: "channels",
      channels: String(channels),
      filters: String(groups === "1" ? Math.min(filters, 6) : Math.min(filters, 6 - (6 % Number(groups)))),
      groups,
      bias,
      ...spec,
    };
  }
  return { figure: "conv2d", ...spec };
}

type Options = Readonly<Record<string, string>>;

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
  figure: string,
  options: Options,
  lang: Lang,
): { torch: string; faltung: string } | undefined {
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
      remarks.push(`${lang === "ko" ? "먼저" : "first"} F.pad(x, (${[...cols, ...rows].join(", ")}))`);
    } else say("padding", "0", "padding");
    say("dilation", "1", "dilation");
    say("groups", "1", "groups");
    // A bias is the default of both.
    if (!many || said("bias", "1")) {
      torch.push("bias=False");
      ours.push("bias: false");
    }
    say("mode", "zeros", "padding_mode", "paddingMode");
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
