import { open } from "@faltung/figure";
import { describe, expect, it } from "vitest";
import { PasteError, fromTorch, layerCode } from "./torch.ts";

describe("a pasted layer", () => {
  it.each([
    ["nn.Conv2d(1, 1, 3)", "conv2d", { kernel: "3" }],
    ["torch.nn.Conv2d(64, 128, 3, 2, 1, bias=False)", "conv2d", { kernel: "3", stride: "2", padding: "1" }],
    [
      "nn.Conv2d(3, 4, kernel_size=(3, 5), stride=1, padding='same')",
      "channels",
      { kernel: "3x5", stride: "1", padding: "same" },
    ],
    ["nn.Conv2d(4, 4, 3, groups=4)", "channels", { channels: "4", filters: "4", groups: "4" }],
    ["nn.Conv2d(1, 1, 3, padding=2, padding_mode='reflect')", "conv2d", { padding: "2", mode: "reflect" }],
    ["nn.Conv2d(1, 1, 3, dilation=2)", "conv2d", { dilation: "2" }],
    [
      "nn.ConvTranspose2d(1, 1, 4, stride=2, padding=1, output_padding=1)",
      "transposed",
      { kernel: "4", stride: "2", outputpadding: "1" },
    ],
    ["nn.MaxPool2d(3, stride=2, ceil_mode=True)", "pool", { op: "max", kernel: "3", stride: "2", ceil: "1" }],
    [
      "nn.AvgPool2d((2, 3), count_include_pad=False)",
      "pool",
      { op: "average", kernel: "2x3", stride: "2,3", countpad: "0" },
    ],
    // Silence means the layer's defaults, not what the figure showed before.
    ["nn.Conv2d(1, 1, 3)", "conv2d", { stride: "1", padding: "0", dilation: "1", mode: "zeros" }],
    ["nn.MaxPool2d(2)", "pool", { stride: "2", padding: "0", ceil: "0" }],
    // The first layer, wherever it stands.
    ["self.conv1 = nn.Conv2d(1, 1, 5)  # (N, 1, 28, 28)\nself.pool = nn.MaxPool2d(2, 2)", "conv2d", { kernel: "5" }],
    ["nn.Sequential(nn.ReLU(), nn.Conv2d(2, 4, 3), nn.ReLU())", "channels", { channels: "2", filters: "4" }],
    [
      "(conv1): Conv2d(3, 64, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)",
      "conv2d",
      { kernel: "7" },
    ],
    ["nn.Conv2d(\n  3,  # RGB\n  6, 3, dilation=(1, 2),\n)", "channels", { dilation: "1,2", filters: "6" }],
    ["nn.Conv2d(8, 8, 3, groups=8, device='cpu')", "conv2d", { kernel: "3" }],
    ["nn.Conv2d(1, 1, 11, dilation=2)", "conv2d", { kernel: "11", input: "22" }],
    [
      "nn.Conv1d(1, 1, 3, stride=2, padding=1)",
      "conv2d",
      { input: "1x8", kernel: "1x3", stride: "1,2", padding: "0,1" },
    ],
    ["nn.ConvTranspose2d(1, 1, 3, 2, 1, 1, 1, False, 2)", "transposed", { outputpadding: "1", dilation: "2" }],
    ["nn.MaxPool2d(kernel_size=3, stride=None, padding=1)", "pool", { stride: "3", padding: "1" }],
  ])("%s", (source, figure, options) => {
    const { spec } = fromTorch(source);
    expect(spec).toMatchObject({ figure, ...options });
    expect(open(spec).figure).toBe(figure);
  });

  it.each([
    "",
    "nn.Linear(3, 4)",
    "nn.Conv2d(1, 1)",
    "nn.Conv2d(1, 1, kernel_size='x')",
    "nn.Conv2d(1,1,1,1,1,1,1,True,'zeros',5,6)",
    "nn.Conv2d(1, 1, 3",
    "nn.Conv2d(1, 1, 3, strides=2)",
    "nn.Conv2d(1, 1, 3, kernel_size=5)",
    "nn.Conv2d(3, 4, 3, groups=2)",
    "nn.Conv2d(1, 1, 3, stride=2, padding='same')",
    "nn.AvgPool2d(2, divisor_override=3)",
    "nn.Conv3d(1, 1, 3)",
  ])("%j is refused, in both languages", (source) => {
    expect(() => fromTorch(source)).toThrow(PasteError);
    try {
      fromTorch(source);
    } catch (error) {
      expect(error).toBeInstanceOf(PasteError);
      if (error instanceof PasteError) expect(error.words.ko).toMatch(/[가-힣]/);
    }
  });
});

it("says which part of a large layer is drawn", () => {
  expect(fromTorch("nn.Conv2d(3, 16, 3)")).toMatchObject({
    spec: { filters: "6" },
    note: { en: "Of 3 input channels and 16 filters, 3 and 6 are drawn." },
  });
  expect(fromTorch("nn.Conv2d(64, 128, 3)").note?.ko).toContain("64개");
  expect(fromTorch("nn.Conv2d(3, 2, 3)").note).toBeUndefined();
});

describe("the layer of a figure", () => {
  it.each([
    [
      "conv2d",
      { stride: "2", padding: "1" },
      "nn.Conv2d(1, 1, 3, stride=2, padding=1, bias=False)",
      "new Conv2d(1, 1, 3, { stride: 2, padding: 1, bias: false })",
    ],
    ["conv2d", { kernel: "3x5" }, "nn.Conv2d(1, 1, (3, 5), bias=False)", "new Conv2d(1, 1, [3, 5], { bias: false })"],
    ["channels", { groups: "3", filters: "3" }, "nn.Conv2d(3, 3, 3, groups=3)", "new Conv2d(3, 3, 3, { groups: 3 })"],
    [
      "transposed",
      {},
      "nn.ConvTranspose2d(1, 1, 3, stride=2, padding=1, bias=False)",
      "new ConvTranspose2d(1, 1, 3, { stride: 2, padding: 1, bias: false })",
    ],
    // The kernel's own size, where it was given by its numbers.
    ["conv2d", { weights: "1,2/3,4" }, "nn.Conv2d(1, 1, 2, bias=False)", "new Conv2d(1, 1, 2, { bias: false })"],
    ["pool", { kernel: "3" }, "nn.MaxPool2d(3, stride=2)", "new MaxPool2d(3, { stride: 2 })"],
  ])("%s %j", (figure, options, torch, faltung) => {
    expect(layerCode(open({ figure, ...options }), "en")).toEqual({ torch, faltung });
  });

  it("comes back as the same figure when it is pasted", () => {
    const given = { stride: "2", padding: "1", kernel: "3x2" };
    const code = layerCode(open({ figure: "pool", ...given, kernel: "3", stride: "1" }), "en");
    const again = fromTorch(code?.torch ?? "").spec;
    expect(open(again).options).toEqual(open({ figure: "pool", kernel: "3", stride: "1", padding: "1" }).options);
  });

  it("says that PyTorch never flips, and how to pad unevenly", () => {
    expect(layerCode(open({ figure: "conv2d", flip: "1" }), "en")?.torch).toContain("weight.flip(2, 3)");
    expect(layerCode(open({ figure: "conv2d", padding: "0:1,2:1" }), "en")?.torch).toContain("F.pad(x, (2, 1, 0, 1))");
    const reflected = layerCode(open({ figure: "conv2d", padding: "0:1,2:1", mode: "reflect" }), "en");
    expect(reflected?.torch).toBe('nn.Conv2d(1, 1, 3, bias=False)  # first F.pad(x, (2, 1, 0, 1), mode="reflect")');
    expect(layerCode(open({ figure: "receptive" }), "en")).toBeUndefined();
  });
});
