/**
 * `npm run bench [-- rows… options]`: Faltung beside its peers, in one run and on the same inputs.
 *
 *   npm run bench                           every row; writes bench/RESULTS.md and bench/results.svg
 *   npm run bench -- conv3x3-56 train       some rows, by name or the beginning of it; prints only
 *   --json FILE     rows of { work, peer, threads, ms, gflops, roof, ratio, … }
 *   --peers A,B     only these peers (faltung always)
 *   --threads 1,2   --rounds 15   --budget 60 (ms of a turn)   --limit 120 (s until a peer must have its first result)
 *   --node 24       the release of Node for all JavaScript (20, 22, 24: from npm)
 *   --also-node 24  shows Faltung on that release too   --wide  and with V8's revectorisation
 *   --no-build      takes packages/faltung/dist as it is   --write  writes the results of some rows too   --list
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { prepare } from "./lib/install.mjs";
import { BENCH } from "./lib/faltung.mjs";
import { describeMachine, loadAverage, measureMachine } from "./lib/machine.mjs";
import { measure } from "./lib/measure.mjs";
import { entrants } from "./lib/peers.mjs";
import { plot } from "./lib/plot.mjs";
import { markdown, rowText } from "./lib/report.mjs";
import { WORKS, chosen } from "./lib/works.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "string" },
    peers: { type: "string" },
    threads: { type: "string", default: "1,2" },
    rounds: { type: "string", default: "15" },
    budget: { type: "string", default: "60" },
    limit: { type: "string", default: "120" },
    node: { type: "string" },
    "also-node": { type: "string" },
    wide: { type: "boolean", default: false },
    build: { type: "boolean", default: true },
    write: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
  allowNegative: true,
});

if (values.help) {
  console.log(
    /\/\*\*([^]*?)\*\//
      .exec(readFileSync(new URL(import.meta.url), "utf8"))?.[1]
      .replace(/^ \* ?/gm, "")
      .trim(),
  );
  process.exit(0);
}
if (values.list) {
  for (const { name, title } of WORKS) console.log(`${name.padEnd(16)} ${title}`);
  process.exit(0);
}
const works = chosen(positionals);
const { node, nodes } = await prepare({
  build: values.build,
  node: values.node,
  others: values["also-node"]?.split(",") ?? [],
});
const wanted = values.peers?.split(",");
const threads = values.threads.split(",").map(Number);
const list = entrants({ node, nodes, wide: values.wide, threads }).filter(
  ({ id }) => id.startsWith("faltung") || wanted === undefined || wanted.some((peer) => id.startsWith(peer)),
);

/** From this load average on, one thread is judged by processor time. */
const BUSY = 2.5;
const load = loadAverage();
const machine = measureMachine(node, threads);
const about = {
  ...describeMachine(),
  node: machine.node,
  load,
  ...machine,
  date: new Date().toISOString().slice(0, 10),
};
console.log(
  `${about.cpu}, Node ${about.node}; load ${load.toFixed(1)}${load > BUSY ? " (others use this machine: expect noise)" : ""}\n` +
    `roof of one core, 128 bits: ${machine.roof.toFixed(1)} GFLOP/s; copy ${machine.copy.toFixed(1)} GB/s`,
);

/** The roof now, by a release of Node; the report shows the highest of the run by the one that the rows run on. */
const roof = (/** @type {string | undefined} */ engine = node) => {
  const { roof, plain, fma } = measureMachine(engine, []);
  if (engine === node && roof > about.roof) Object.assign(about, { roof, plain, fma });
  return roof;
};

const DATA = join(BENCH, "results.json");
/** A run of some rows replaces those, and leaves the others as they were measured; a run of all begins anew. */
/** @type {import("./lib/measure.mjs").Result[]} */
const before = existsSync(DATA) && positionals.length > 0 ? JSON.parse(readFileSync(DATA, "utf8")).results : [];
/** @type {import("./lib/measure.mjs").Result[]} */
const results = [];

/** What was measured so far: a run that is broken off keeps its rows. */
function write() {
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 1)}\n`);
  if (positionals.length > 0 && !values.write) return false;
  const all = [...before.filter((old) => !results.some(({ work }) => work === old.work)), ...results];
  writeFileSync(
    DATA,
    `${JSON.stringify({ about, results: all }, (key, value) => (key === "facts" ? undefined : value), 1)}\n`,
  );
  writeFileSync(join(BENCH, "RESULTS.md"), markdown(about, all));
  writeFileSync(join(BENCH, "results.svg"), plot(all, about.roof));
  return true;
}
for (const work of works) {
  console.log(`\n${work.title} [${work.name}]`);
  const rows = await measure(work, list, {
    rounds: Number(values.rounds),
    budget: Number(values.budget),
    limit: Number(values.limit),
    roof,
    busy: load > BUSY,
    say: (line) => console.log(`  ! ${line}`),
  });
  for (const row of rows.filter((r) => r.error === undefined)) console.log(`  ${rowText(row)}`);
  if (process.env["BENCH_EXPLAIN"]) for (const { facts } of rows) if (facts?.explain) console.log(facts.explain);
  results.push(...rows);
  write();
}

if (write()) console.log("\nwritten: bench/RESULTS.md, bench/results.svg, bench/results.json");
process.exit(0);
