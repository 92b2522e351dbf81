/** Twenty steps of training, optimisers and schedules, against PyTorch: see fixtures/make_training.py. */
import { describe, expect, it } from "vitest";
import { type CompileOptions, compile } from "../src/compile/compile.ts";
import type { EntrySpec } from "../src/compile/program.ts";
import { evaluate } from "../src/compile/evaluate.ts";
import { trace } from "../src/compile/trace.ts";
import {
  Adam,
  AdamW,
  CrossEntropyLoss,
  type Module,
  type Optimizer,
  RMSprop,
  SGD,
  type Schedule,
  type State,
  Tensor,
  type TensorType,
  type Value,
  clipGradNorm,
  cosineRate,
  grad,
  multiStepRate,
  oneCycleRate,
  parameter,
  plateauRate,
  stepRate,
} from "../src/index.ts";
import { expectClose } from "./close.ts";
import { type PackedTensor, readFixture, unpack } from "./fixtures.ts";
import { depthwise, lenet, residual } from "./networks.ts";

interface Training {
  readonly start: Readonly<Record<string, PackedTensor>>;
  readonly batches: readonly { readonly x: PackedTensor; readonly labels: PackedTensor }[];
  readonly runs: Readonly<Record<string, Run>>;
}
interface Run {
  readonly losses: readonly number[];
  readonly final: Readonly<Record<string, PackedTensor>>;
}

const NETWORKS: Readonly<Record<string, () => Module>> = { lenet, residual, depthwise };
const OPTIMIZERS: Readonly<Record<string, (parameters: State[]) => Optimizer>> = {
  SGD: (p) => new SGD(p, { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 5e-4 }),
  AdamW: (p) => new AdamW(p, { lr: 2e-3, weightDecay: 0.05 }),
};
/**
 * Tolerances. AdamW divides by the gradient's own size, so where that is next to nothing Winograd's rounding decides the
 * sign of a whole step: fast precision is held to the losses, and to weights within a few steps of 2e-3.
 */
const BACKENDS: Readonly<Record<string, CompileOptions & { readonly losses: number; readonly weights: number }>> = {
  "the reference": { backend: "reference", losses: 1e-4, weights: 1e-3 },
  "WebAssembly, strict": { precision: "strict", losses: 1e-4, weights: 1e-3 },
  "WebAssembly, fast": { losses: 1e-3, weights: 1e-2 },
};

function stepEntry(model: Module, optimizer: Optimizer, x: PackedTensor, labels: PackedTensor): EntrySpec {
  const names = Array.from({ length: optimizer.scalarCount }, (_, i) => `scalar${i}`);
  return {
    inputs: {
      x: { shape: x.shape, dtype: x.dtype },
      labels: { shape: labels.shape, dtype: labels.dtype },
      ...Object.fromEntries(names.map((name) => [name, { shape: [], dtype: "float32" as const }])),
    },
    fn(inputs: Readonly<Record<string, Value>>) {
      model.train();
      const loss = new CrossEntropyLoss().forward(model.forward(inputs["x"]), inputs["labels"]);
      optimizer.update(
        grad(loss, optimizer.parameters),
        names.map((name) => inputs[name]),
      );
      return { loss };
    },
  };
}

describe.each(Object.keys(NETWORKS))("%s, 20 steps", (name) => {
  const fixture = readFixture<Training>(`training/${name}.json`);
  describe.each(Object.keys(OPTIMIZERS))("%s", (kind) => {
    it.each(Object.entries(BACKENDS))(
      "as PyTorch, by %s",
      async (_backend, { losses: tolerance, weights, ...options }) => {
        const model = NETWORKS[name]();
        model.loadStateDict(Object.fromEntries(Object.entries(fixture.start).map(([k, t]) => [k, unpack(t)])));
        const optimizer = OPTIMIZERS[kind](model.parameters());
        const [{ x, labels }] = fixture.batches;
        const program = await compile({ step: stepEntry(model, optimizer, x, labels) }, { threads: 1, ...options });
        const { losses, final } = fixture.runs[kind];
        losses.forEach((expected, i) => {
          const batch = fixture.batches[i % fixture.batches.length];
          program.input("step", "x").set(unpack(batch.x).data);
          program.input("step", "labels").set(unpack(batch.labels).data);
          optimizer
            .scalarsAt(i + 1, { lr: optimizer.lr })
            .forEach((value, s) => (program.input("step", `scalar${s}`)[0] = value));
          program.step("step");
          const loss = program.output("step", "loss")[0];
          expect(
            Math.abs(loss - expected) / expected,
            `loss of step ${i + 1}: ${loss}, PyTorch ${expected}`,
          ).toBeLessThan(tolerance);
        });
        for (const [key, s] of model.namedStates()) expectClose(program.read(s), unpack(final[key]), weights, key);
        program.close();
      },
    );
  });
});

interface OptimizerFixture {
  readonly gradients: readonly PackedTensor[];
  readonly cases: readonly {
    readonly kind: string;
    readonly options: Readonly<Record<string, never>>;
    readonly start: PackedTensor;
    readonly trail: readonly PackedTensor[];
  }[];
  readonly clip: readonly {
    readonly norm: number;
    readonly given: readonly PackedTensor[];
    readonly clipped: readonly PackedTensor[];
  }[];
}

describe("optimisers", () => {
  const { gradients, cases, clip } = readFixture<OptimizerFixture>("training/optimizers.json");
  const kinds = { SGD, Adam, AdamW, RMSprop };

  it.each(cases.map((c) => [c.kind, JSON.stringify(c.options), c] as const))("%s %s", (kind, _options, c) => {
    const p = parameter(unpack(c.start), "p");
    const optimizer = new kinds[kind as keyof typeof kinds]([p], c.options);
    const names = Array.from({ length: optimizer.scalarCount }, (_, i) => `scalar${i}`);
    const scalar: TensorType = { shape: [], dtype: "float32" };
    const types: Record<string, TensorType> = { g: p, ...Object.fromEntries(names.map((n) => [n, scalar])) };
    const graph = trace((inputs) => {
      optimizer.update(
        [inputs["g"]],
        names.map((n) => inputs[n]),
      );
      return {};
    }, types);
    let states = new Map<State, Tensor>();
    c.trail.forEach((expected, i) => {
      const lr = i < 6 ? optimizer.lr : optimizer.lr / 10;
      const scalars = optimizer.scalarsAt(i + 1, { lr });
      const feed = Object.fromEntries(names.map((n, s) => [n, Tensor.scalar(scalars[s])]));
      states = new Map(evaluate(graph, { g: unpack(gradients[i]), ...feed }, states).updates);
      expectClose(states.get(p) ?? unpack(c.start), unpack(expected), 1e-6, `step ${i + 1}`);
    });
  });

  it.each(clip.map((c) => [c.norm, c] as const))("clipGradNorm to %d", (norm, c) => {
    const [a, b] = c.given.map(unpack);
    const graph = trace(
      ({ a, b }) => {
        const [x, y] = clipGradNorm([a, b], norm);
        return { x, y };
      },
      { a, b },
    );
    const { x, y } = evaluate(graph, { a, b }).outputs;
    expectClose(x, unpack(c.clipped[0]), 1e-6, "a");
    expectClose(y, unpack(c.clipped[1]), 1e-6, "b");
  });
});

describe("schedules", () => {
  const { schedules, metrics } = readFixture<{
    schedules: Readonly<Record<string, readonly (readonly [lr: number, momentum: number])[]>>;
    metrics: readonly number[];
  }>("training/schedules.json");

  /** PyTorch's StepLR and MultiStepLR count what we call epochs; the others here count steps. */
  const made: Readonly<Record<string, Schedule>> = {
    step: stepRate(3, 0.5),
    multiStep: multiStepRate([2, 5, 6]),
    cosine: cosineRate({ totalSteps: 20, minimum: 0.001 }),
    oneCycle: oneCycleRate({ totalSteps: 50 }),
    oneCycleLinear: oneCycleRate({
      totalSteps: 33,
      pctStart: 0.4,
      anneal: "linear",
      divFactor: 10,
      finalDivFactor: 100,
      momentum: null,
    }),
    oneCycleThreePhase: oneCycleRate({ totalSteps: 30, pctStart: 0.4, threePhase: true }),
    plateau: plateauRate({ factor: 0.5, patience: 2, cooldown: 1 }),
  };

  it.each(Object.keys(made))("%s", (name) => {
    schedules[name].forEach(([lr, momentum], i) => {
      const settings = made[name].at(i, i, 0.1);
      expect(settings.lr, `rate of step ${i}`).toBeCloseTo(lr, 10);
      if (settings.momentum !== undefined) expect(settings.momentum, `momentum of step ${i}`).toBeCloseTo(momentum, 10);
      made[name].epochEnd?.(metrics[i]);
    });
  });
});
