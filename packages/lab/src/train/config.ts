/** A run's settings and the address: what it does not say, or says wrongly, has its usual value. */
import type { Change, Query } from "../address.ts";
import type { RunConfig } from "./messages.ts";
import { DEFAULT_NET, parseNet } from "./net.ts";

const USUAL: RunConfig = {
  data: "digits",
  net: DEFAULT_NET,
  epochs: 8,
  batch: 32,
  lr: 0.003,
  optimizer: "adam",
  cosine: true,
  shift: 1,
  seed: 0,
};

/** The keys of the address that say something about a run. */
export const CONFIG_KEYS: readonly string[] = Object.keys(USUAL);

function number(text: string | undefined, usual: number, low: number, high: number): number {
  const value = Number(text);
  return text !== undefined && text.trim() !== "" && value >= low && value <= high ? value : usual;
}

export function configFrom(query: Query): RunConfig {
  const { net, data } = query;
  const whole = (key: "epochs" | "batch" | "shift" | "seed", low: number, high: number): number =>
    Math.round(number(query[key], USUAL[key], low, high));
  return {
    data: data === "fashion" || data === "own" ? data : "digits",
    net: net !== undefined && parseNet(net) !== undefined ? net : DEFAULT_NET,
    epochs: whole("epochs", 1, 100),
    batch: whole("batch", 2, 256),
    lr: number(query["lr"], USUAL.lr, 1e-5, 1),
    optimizer: query["optimizer"] === "sgd" ? "sgd" : "adam",
    cosine: query["cosine"] !== "0",
    shift: whole("shift", 0, 4),
    seed: whole("seed", 0, 99999),
  };
}

/** The change of the address that makes {@link configFrom} give this back. */
export function queryOf(config: RunConfig): Change {
  const entries = Object.entries({ ...config, cosine: config.cosine ? "1" : "0" });
  const usual: Readonly<Record<string, unknown>> = { ...USUAL, cosine: "1" };
  return Object.fromEntries(entries.map(([key, value]) => [key, value === usual[key] ? undefined : String(value)]));
}
