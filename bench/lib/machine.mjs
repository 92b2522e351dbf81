/** The machine: what it is, and what it can do at most, measured in this run. */
import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { BENCH } from "./faltung.mjs";

export function describeMachine() {
  const [{ model }] = cpus();
  return {
    cpu: model,
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()}`,
  };
}

/** Processes that wanted a core during the last minute. */
export const loadAverage = () => loadavg()[0];

/**
 * @param {string} node the release of Node that the rows run on
 * @param {readonly number[]} threads
 * @returns {{ node: string, roof: number, plain: number, fma: number, copy: number, barrier: { median: number, low: number, wake: number, idle: number } | null }}
 */
export function measureMachine(node, threads) {
  const text = execFileSync(node, [join(BENCH, "lib/roof.mjs"), threads.includes(2) ? "barrier" : ""], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(text);
}
