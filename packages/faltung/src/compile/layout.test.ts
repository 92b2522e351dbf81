import { expect, test } from "vitest";
import { type Layout, type Target, type Value, input } from "../ops/op.ts";
import { bytesIn, chooseLayouts } from "./layout.ts";
import type { Task, TaskLayouts } from "./task.ts";
import { half } from "./toys.samples.ts";

const target: Target = { fma: false, fast: true, wide: false, threads: 1 };
const x = input("x", { shape: [2, 16, 10, 10], dtype: "float32" });

/** A task from one value to another. `flops` says how dear its second-best layout is. */
function task(from: Value, to: Value, choices: readonly (readonly [Layout, Layout])[], flops = 0): Task {
  const layouts = choices.map(([a, b]): TaskLayouts => ({ inputs: [a], outputs: [b] }));
  const kernel = { key: "", pointers: 0, integers: 0, build: (): never => expect.unreachable() };
  const stage = { label: "", kernel, work: 1, pointers: [], writes: [], integers: [], scratch: 0, flops, bytes: 0 };
  return {
    label: "t",
    inputs: [from],
    outputs: [to],
    layouts,
    alias: false,
    inPlace: [],
    lower: () => ({ stages: [stage], temps: [] }),
  };
}

const PLAIN = ["plain", "plain"] as const;
const BLOCKED = ["blocked", "blocked"] as const;
type Choices = readonly (readonly [Layout, Layout])[];

/** What a chain of tasks chooses, as `pp bb`. */
function chain(...tasks: readonly (Choices | readonly [Choices, number])[]): string {
  let value: Value = x;
  const list = tasks.map((entry) => {
    const [choices, flops] = (typeof entry[1] === "number" ? entry : [entry, 0]) as readonly [Choices, number];
    const next = half(value);
    const made = task(value, next, choices, flops);
    value = next;
    return made;
  });
  return chooseLayouts(list, [value], target)
    .map(({ inputs, outputs }) => `${inputs[0][0]}${outputs[0][0]}`)
    .join(" ");
}

test("flexible tasks between blocked ones stay blocked, between plain ones plain", () => {
  const flexible: Choices = [PLAIN, BLOCKED];
  expect(chain([BLOCKED], flexible, flexible, [BLOCKED])).toBe("bb bb bb bb");
  expect(chain([PLAIN], [BLOCKED, PLAIN], [BLOCKED, PLAIN], [PLAIN])).toBe("pp pp pp pp");
});

test("a whole run of flexible tasks changes layout together", () => {
  expect(chain([BLOCKED, PLAIN], [BLOCKED, PLAIN], [BLOCKED, PLAIN])).toBe("pp pp pp");
});

test("a task that converts by the way is used for it", () => {
  expect(chain([PLAIN, ["plain", "blocked"]], [BLOCKED], [["blocked", "plain"], BLOCKED])).toBe("pb bb bp");
});

test("a slow layout is not taken to spare a cheap conversion", () => {
  expect(chain([[BLOCKED, PLAIN], 1e8])).toBe("bb");
  expect(chain([[BLOCKED, PLAIN], 1e3])).toBe("pp");
});

test("blocked memory rounds channels up to eight", () => {
  expect(bytesIn({ shape: [2, 3, 5], dtype: "float32" }, "blocked")).toBe(2 * 8 * 5 * 4);
  expect(bytesIn({ shape: [2, 3, 5], dtype: "uint8" }, "plain")).toBe(30);
  expect(bytesIn({ shape: [0, 3, 5], dtype: "float32" }, "blocked")).toBe(0);
});
