import fc from "fast-check";
import { expect, it } from "vitest";
import { configFrom, queryOf } from "./config.ts";
import type { RunConfig } from "./messages.ts";
import { DEFAULT_NET } from "./net.ts";

const configs: fc.Arbitrary<RunConfig> = fc.record({
  data: fc.constantFrom("digits", "fashion", "own"),
  net: fc.constantFrom(DEFAULT_NET, "", "conv 8 3 p1/relu/gap"),
  epochs: fc.integer({ min: 1, max: 100 }),
  batch: fc.integer({ min: 2, max: 256 }),
  lr: fc.constantFrom(0.0003, 0.003, 0.1, 1),
  optimizer: fc.constantFrom("adam", "sgd"),
  cosine: fc.boolean(),
  shift: fc.integer({ min: 0, max: 4 }),
  seed: fc.integer({ min: 0, max: 99999 }),
});

it("the address gives every run's settings back", () => {
  fc.assert(
    fc.property(configs, (config) => {
      const said = Object.entries(queryOf(config)).filter((entry): entry is [string, string] => entry[1] !== undefined);
      expect(configFrom(Object.fromEntries(said))).toEqual(config);
    }),
  );
});

it.each(["", "x", "NaN", "Infinity", "-1", "1e9"])("what is no setting has its usual value: %j", (text) => {
  expect(configFrom({ epochs: text, lr: text, batch: text, data: text, net: text || "conv", optimizer: text })).toEqual(
    { ...configFrom({}), net: text === "" ? "conv" : DEFAULT_NET },
  );
});
