/** Modules: where states are found, under which keys, and what is shared. PyTorch's rules. */
import { describe, expect, it } from "vitest";
import { relu } from "../ops/elementwise/elementwise.ts";
import type { State, Value } from "../ops/op.ts";
import { Tensor } from "../tensor/tensor.ts";
import { ReLU } from "./activation.ts";
import { Sequential } from "./container.ts";
import { Linear } from "./linear.ts";
import { Module, parameter } from "./module.ts";
import { summary } from "./summary.ts";

/** What PyTorch writes with ModuleList, ModuleDict, ParameterList, and a list of lists. */
class Branches extends Module {
  readonly blocks = [new Linear(2, 2), new Linear(2, 2, { bias: false })];
  readonly stages = [[new Linear(2, 1, { bias: false })], [new Linear(1, 2, { bias: false })]];
  readonly heads = { left: new Linear(2, 1), right: new Linear(2, 3) };
  readonly scales = [parameter(Tensor.zeros([2]), "scale"), parameter(Tensor.zeros([3]), "scale")];
  /** Neither modules nor states: plain data is not walked into. */
  readonly options = { width: 2, names: ["a", "b"], none: null };

  forward(x: Value): Value {
    return this.heads.left.forward(x);
  }
}

/** Tied weights, as an encoder and a decoder have them, and a layer that is used under two names. */
class Tied extends Module {
  readonly first = new Linear(2, 2);
  readonly again = this.first;
  readonly weight: State = this.first.weight;

  forward(x: Value): Value {
    return this.again.forward(relu(this.first.forward(x)));
  }
}

describe("Module", () => {
  it("finds modules and parameters in properties, arrays, arrays of arrays and records", () => {
    expect(Object.keys(new Branches().stateDict())).toEqual([
      "scales.0",
      "scales.1",
      "blocks.0.weight",
      "blocks.0.bias",
      "blocks.1.weight",
      "stages.0.0.weight",
      "stages.1.0.weight",
      "heads.left.weight",
      "heads.left.bias",
      "heads.right.weight",
      "heads.right.bias",
    ]);
    expect(new Branches().parameterCount).toBe(2 + 3 + 6 + 4 + 2 + 2 + 3 + 9);
  });

  it("reaches all of them with train and eval", () => {
    const net = new Branches().eval();
    for (const layer of [net, net.blocks[1], net.stages[1][0], net.heads.right]) expect(layer.training).toBe(false);
    expect(net.train().heads.left.training).toBe(true);
  });

  it("gives a shared parameter to the optimiser once, and to the state dict under each of its keys", () => {
    const net = new Tied();
    expect([...net.namedParameters()].map(([key]) => key)).toEqual(["weight", "first.bias"]);
    const dict = net.stateDict();
    expect(Object.keys(dict)).toEqual(["weight", "first.weight", "first.bias", "again.weight", "again.bias"]);
    expect(dict["again.weight"]).toBe(dict["weight"]);
    const other = new Tied();
    other.loadStateDict(dict);
    expect(other.again.weight.attrs.initial.data).toEqual(net.first.weight.attrs.initial.data);
  });

  it("meets a layer that is used twice once, so that a summary has a row for each use", () => {
    const act = new ReLU();
    const net = new Sequential(new Linear(2, 3), act, new Linear(3, 4), act);
    expect([...net.namedModules()].map(([name]) => name)).toEqual(["", "0", "1", "2"]);
    expect(summary(net, [1, 2]).layers.map((layer) => layer.type)).toEqual(["Linear", "ReLU", "Linear", "ReLU"]);
  });

  it("names what does not fit, and changes nothing then", () => {
    const net = new Linear(2, 3);
    const before = net.weight.attrs.initial.data.slice();
    expect(() => net.loadStateDict({ weight: Tensor.zeros([3, 2]), gain: Tensor.zeros([3]) })).toThrow(
      /missing \(1\): bias[^]*unexpected \(1\): gain[^]*strict: false/,
    );
    expect(() => net.loadStateDict({ weight: Tensor.zeros([2, 3]) }, { strict: false })).toThrow(
      /weight: the file has \[2, 3\], the module \[3, 2\]/,
    );
    expect(net.weight.attrs.initial.data).toEqual(before);
    expect(net.loadStateDict({ weight: Tensor.zeros([3, 2]) }, { strict: false }).missing).toEqual(["bias"]);
    expect(net.weight.attrs.initial.data).toEqual(new Float32Array(6));
  });
});
