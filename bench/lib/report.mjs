/** Results as text: a line in the terminal, and RESULTS.md. */
import { NATIVE } from "./peers.mjs";
import { WORKS } from "./works.mjs";

/** @typedef {import("./measure.mjs").Result} Result */

/** Three digits that count. @param {number | undefined} v */
export function digits(v) {
  if (v === undefined || !Number.isFinite(v)) return "–";
  if (v === 0) return "0";
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(v))));
  return v.toLocaleString("en-US", { maximumFractionDigits: Math.min(3, places), minimumFractionDigits: 0 });
}

const percent = (/** @type {number | undefined} */ v) => (v === undefined ? "–" : `${(100 * v).toFixed(0)} %`);
const times = (/** @type {number | undefined} */ v) => (v === undefined || Number.isNaN(v) ? "–" : `${digits(v)}×`);

/** @param {Result} r */
export function rowText(r) {
  return [
    r.title.padEnd(26),
    `${r.threads} thr`,
    `${digits(r.best).padStart(7)} ms`,
    `(median ${digits(r.ms)} ± ${percent(r.spread)}, CPU ${digits(r.cpu)})`.padEnd(40),
    `${digits(r.gflops).padStart(6)} GFLOP/s`,
    percent(r.roof).padStart(6),
    times(r.ratio).padStart(7),
    r.memory === undefined ? "" : `${r.memory.toFixed(0)} MiB`,
  ].join("  ");
}

/** @param {readonly (readonly string[])[]} rows */
const table = ([head, ...rows]) =>
  [head, head.map((_, i) => (i === 0 ? "---" : "---:")), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/**
 * @param {{ cpu: string, cores: number, memory: string, system: string, node: string, load: number, roof: number, plain: number, fma: number, copy: number, date: string, barrier: { median: number, low: number, wake: number, idle: number } | null }} about
 * @param {readonly Result[]} results
 */
export function markdown(about, results) {
  const works = WORKS.filter((w) => results.some((r) => r.work === w.name));
  const missing = WORKS.filter((w) => !works.includes(w)).map((w) => w.name);
  const versions = new Map(results.filter((r) => r.version !== undefined).map((r) => [r.title, r.version]));
  const parts = [
    "# Faltung beside its peers",
    `Written by \`npm run bench\` on ${about.date}. Only ratios last: repeat it on your machine before you quote a number.`,
    [
      `- ${about.cpu}, ${about.cores} cores, ${about.memory}; ${about.system}; Node ${about.node}`,
      `- ${[...versions].map(([title, version]) => `${title} ${version}`).join(", ")}`,
      `- Load average at the start: ${about.load.toFixed(1)}.${about.load > 2.5 ? " **Other work kept the cores busy**: one thread's runs of 5 ms and more are judged by processor time (best, GFLOP/s, ×), times of two threads mean little, and medians are those of a crowded machine." : ""}`,
      `- Roof of one core in 128-bit WebAssembly: **${about.roof.toFixed(1)} GFLOP/s** (multiply + add ${about.plain.toFixed(1)}${about.fma > 0 ? `, relaxed multiply-add ${about.fma.toFixed(1)}` : ""}). Native code has vectors of 256 or 512 bits; Winograd's algorithms do less work than the direct count says: both may show more than 100 %.`,
      `- A plain copy of 64 MiB: ${about.copy.toFixed(1)} GB/s, read and written.`,
      ...(about.barrier === null
        ? []
        : [
            `- Two threads wait for each other: ${digits(about.barrier.median)} µs a barrier (median; ${digits(about.barrier.low)} in the best tenth); a step that finds the other thread asleep: ${digits(about.barrier.wake)} µs; a program that waits uses ${percent(about.barrier.idle)} of a core.`,
          ]),
    ].join("\n"),
    "**How to read it.** *best* and *median* are of all runs; peers take turns in rounds, each in a process of its own. *CPU* is processor time of a run on all its threads, where other programs on the machine do not count. *GFLOP/s* counts the direct algorithm's multiply-adds twice and takes the best time. **×** is how many times longer a peer takes than Faltung with as many threads, the median over the rounds. A single convolution of Faltung lies as it does inside of a network (channel-blocked, an inference's weights packed before); *NCHW in and out* adds both conversions. ONNX Runtime takes and gives NCHW; TensorFlow.js has its own NHWC; PyTorch is shown both ways. *Direct* is Faltung without Winograd's algorithm. A share of the roof is of the engine's own, measured before and after each row: Node 20 has no relaxed SIMD, so its roof is that of separate multiplications and additions; native code is held against Node 20's. Outputs were compared before anything was timed.",
    ...(missing.length === 0 ? [] : [`**Not measured yet** on this machine: ${missing.join(", ")}.`]),
    "![GFLOP/s of each peer](results.svg)",
    "## In short",
    summary(works, results),
  ];
  for (const work of works) {
    const rows = results.filter((r) => r.work === work.name);
    const done = rows.filter((r) => r.error === undefined);
    const failed = rows.filter((r) => r.error !== undefined);
    const learns = work.kind === "train" || work.kind === "infer";
    parts.push(`## ${work.title}\n\`npm run bench -- ${work.name}\``);
    const head = ["", "threads", "best ms", "median ms", "spread", "CPU ms", "GFLOP/s", "roof", "×", "difference"];
    if (learns) head.push("first step ms", "from cold ms", "peak MiB");
    parts.push(
      table([
        head,
        ...done.map((r) => [
          r.title,
          `${r.threads}`,
          digits(r.best),
          digits(r.ms),
          percent(r.spread),
          digits(r.cpu),
          digits(r.gflops),
          percent(r.roof),
          times(r.ratio),
          r.difference === undefined ? "–" : r.difference.toExponential(0),
          ...(learns ? [digits(r.first), digits(r.cold), r.memory?.toFixed(0) ?? "–"] : []),
        ]),
      ]),
    );
    if (failed.length > 0) {
      const lines = failed.map((r) => `- ${r.title}, ${r.threads} thread${r.threads > 1 ? "s" : ""}: \`${r.error}\``);
      parts.push(`Could not do it, in their own words:\n\n${[...new Set(lines)].join("\n")}`);
    }
  }
  return `${parts.join("\n\n")}\n`;
}

/** One line a row of the bench, one thread and two: how many times longer the others take. */
/** @type {(works: readonly import("./works.mjs").Work[], results: readonly Result[]) => string} */
function summary(works, results) {
  const lines = works.map((work) => {
    const find = (/** @type {readonly string[]} */ ids, /** @type {number} */ threads) =>
      results
        .filter((r) => r.work === work.name && r.threads === threads && r.error === undefined && ids.includes(r.peer))
        .sort((a, b) => (a.best ?? 0) - (b.best ?? 0))[0];
    const [one, two] = [find(["faltung"], 1), find(["faltung"], 2)];
    /** The direct algorithm's share of each engine's roof; where Winograd's does not apply, it is the only one. */
    const shares = ["faltung", "faltung-node24", "faltung-chromium"].map((id) =>
      percent((find([`${id}-direct`], 1) ?? find([id], 1))?.roof),
    );
    const others = ["jax-js", "tfjs-cpu", "convnetjs"].map((id) => find([id], 1));
    const [other] = others.filter((r) => r?.ratio !== undefined).sort((a, b) => (a?.ratio ?? 0) - (b?.ratio ?? 0));
    const wide = find(
      results.map((r) => r.peer).filter((id) => id.endsWith("-wide")),
      1,
    );
    const node24 = find(["faltung-node24"], 1);
    const chromium = find(["faltung-chromium"], 1);
    const native = find(NATIVE, 1);
    const nativeTo = (/** @type {Result | undefined} */ r) =>
      times(native?.best !== undefined && r?.best !== undefined ? native.best / r.best : undefined);
    const speedUp = one?.best !== undefined && two?.best !== undefined ? one.best / two.best : undefined;
    return [
      work.title,
      digits(one?.best),
      digits(two?.best),
      times(speedUp),
      digits(one?.gflops),
      shares.join(" · "),
      times(find(NATIVE, 1)?.ratio),
      times(find(NATIVE, 2)?.ratio),
      times(find(["tfjs-wasm"], 1)?.ratio),
      times(find(["ort-web"], 1)?.ratio),
      other === undefined ? "–" : `${times(other.ratio)} ${other.title}`,
      digits(node24?.best),
      nativeTo(node24),
      digits(chromium?.best),
      nativeTo(chromium),
      digits(wide?.best),
      nativeTo(wide),
    ];
  });
  const head = [
    "",
    "1 thread, ms",
    "2 threads, ms",
    "speed-up",
    "GFLOP/s",
    "direct, of the roof: Node 20 · Node 24 · Chromium",
    "native, 1",
    "native, 2",
    "TF.js WASM",
    "ORT Web",
    "best other JavaScript",
    "Node 24, ms",
    "native to it",
    "Chromium, ms",
    "native to it",
    "wide, ms",
    "native to it",
  ];
  return `Faltung's best times, and how many times longer the others take (*native* is the fastest of PyTorch in either layout and ONNX Runtime native, with as many threads). The last six columns are one thread elsewhere: under Node 24, in Chromium, and under Node 24 with \`wide\`, by the best times.\n\n${table([head, ...lines])}`;
}
