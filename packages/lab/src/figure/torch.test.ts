import { open } from "@faltung/figure";
import { describe, expect, it } from "vitest";
import { PasteError, fromTorch, layerCode } from "./torch.ts";

describe("a pasted layer", () => {
  it.each([
    ["nn.Conv2d(1, 1, 3)", "conv2d", { kernel: "3" }],
    ["torch.nn.Conv2d(64, 128, 3, 2, 1, bias=False)", "conv2d", { kernel: "3", stride: "2", padding: "1" }],
    [
      "nn.Conv2d(3, 4, kernel_size=(3, 5), stride=(2, 1), padding='same')",
      "channels",
      { kernel: "3x5", stride: "2,1", padding: "same" },
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
  ])("%s", (source, figure, options) => {
    expect(fromTorch(source)).toMatchObject({ figure, ...options });
  });

  it.each([
    "",
    "nn.Linear(3, 4)",
    "nn.Conv2d(1, 1)",
    "nn.Conv2d(1, 1, kernel_size='x')",
    "nn.Conv2d(1,1,1,1,1,1,1,True,'zeros',5,6)",
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
    ["pool", { kernel: "3" }, "nn.MaxPool2d(3, stride=2)", "new MaxPool2d(3, { stride: 2 })"],
  ])("%s %j", (figure, options, torch, faltung) => {
    expect(layerCode(figure, options, "en")).toEqual({ torch, faltung });
  });

  it("comes back as the same figure when it is pasted", () => {
    const given = { stride: "2", padding: "1", kernel: "3x2" };
    const code = layerCode("pool", { ...given, kernel: "3", stride: "1" }, "en");
    const again = fromTorch(code?.torch ?? "");
    expect(open(again).options).toEqual(open({ figure: "pool", kernel: "3", stride: "1", padding: "1" }).options);
  });

  it("says that PyTorch never flips, and how to pad unevenly", () => {
    expect(layerCode("conv2d", { flip: "1" }, "en")?.torch).toContain("weight.flip(2, 3)");
    expect(layerCode("conv2d", { padding: "0:1,2:1" }, "en")?.torch).toContain("F.pad(x, (2, 1, 0, 1))");
    expect(layerCode("receptive", {}, "en")).toBeUndefined();
  });
});
