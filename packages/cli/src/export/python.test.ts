/** PyTorch's code as text; export.slow.test.ts runs it. */
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  GELU,
  Linear,
  type Module,
  Pad,
  Residual,
  Sequential,
  Softmax,
  small,
} from "faltung";
import { expect, it } from "vitest";
import { pythonLayer } from "./python-layers.ts";
import { pythonNetwork } from "./python-networks.ts";

it("writes the default network as one would by hand", () => {
  expect(pythonNetwork(small(1, 10).spec()).expression).toBe(`nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Conv2d(64, 128, 3, padding=1, bias=False),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(128, 10),
    )`);
});

it.each<[Module, string]>([
  [
    new Conv2d(4, 8, [3, 5], { stride: [1, 2], padding: [0, 2], groups: 2, dilation: 2 }),
    "nn.Conv2d(4, 8, (3, 5), stride=(1, 2), padding=(0, 2), groups=2, dilation=2)",
  ],
  [
    new Conv2d(4, 8, 3, { padding: "same", paddingMode: "reflect" }),
    'nn.Conv2d(4, 8, 3, padding="same", padding_mode="reflect")',
  ],
  [new BatchNorm2d(8, { momentum: null, eps: 1e-3 }), "nn.BatchNorm2d(8, eps=0.001, momentum=None)"],
  [new AvgPool2d(3, { countIncludePad: false, padding: 1 }), "nn.AvgPool2d(3, count_include_pad=False, padding=1)"],
  [new Flatten(2), "nn.Flatten(2, -1)"],
  [new Softmax(1), "nn.Softmax(dim=1)"],
  [new GELU("tanh"), 'nn.GELU(approximate="tanh")'],
  [new Pad([1, 2, 3, 4]), "nn.ConstantPad2d((1, 2, 3, 4), 0)"],
  [new Pad([1, 1], { mode: "reflect" }), "nn.ReflectionPad1d((1, 1))"],
  [new Linear(3, 2, { bias: false }), "nn.Linear(3, 2, bias=False)"],
  [
    new Residual(new Sequential(), null, { activation: false }),
    "Residual(\n    nn.Sequential(),\n    None,\n    activation=False,\n)",
  ],
])("writes %#: %s", (module, code) => {
  expect(pythonLayer(module.spec()).code).toBe(code);
});

it("says what torch.nn cannot do", () => {
  expect(() => pythonLayer(new Conv2d(1, 1, 3, { flip: true }).spec())).toThrow(/true convolution/);
  expect(() => pythonLayer(new Conv2d(1, 1, 3, { padding: [[0, 1], 1] }).spec())).toThrow(/pads both sides alike/);
  expect(() => pythonLayer({ type: "Wavelet", args: [] })).toThrow(/no layer for Wavelet/);
});
