/**
 * `npm run imports`: who may import whom, read from the TypeScript sources. The rules are ARCHITECTURE.md's:
 *
 * - Imports between packages run downwards: lab → figure → faltung, cli → figure, faltung; bench may import all.
 * - Imports between the rooms of packages/faltung/src run downwards ({@link ROOMS}), types included.
 * - index.ts and its like, straight in src, are the way in from outside: nothing in a room imports them.
 * - No cycle of modules, and none of the families of operations (folders) in `ops/`. Imports of types only don't count
 *   here, nor does `import(…)`: neither hinders the load.
 * - What a package imports by name it declares; the library itself declares nothing, and imports only `node:` modules,
 *   and those by `await import` so that a browser can load it.
 *
 * Tests, benches and samples may look anywhere downwards or up: they are exempt from the direction, not from the rest.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, posix, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { parseSync } from "oxc-parser";
import { ROOT } from "./lib/run.mjs";

/** From the top down: a room imports only rooms to its right. */
export const ROOMS = /** @type {const} */ ([
  "train",
  "explain",
  "models",
  "quantize",
  "format",
  "nn",
  "optim",
  "compile",
  "ops",
  "backend",
  "wasm",
  "signal",
  "tensor",
]);

/** Folder of a workspace package → the folders of those it may import. */
const PACKAGES = /** @type {Record<string, readonly string[]>} */ ({
  "packages/faltung": [],
  "packages/figure": ["packages/faltung"],
  "packages/cli": ["packages/figure", "packages/faltung"],
  "packages/lab": ["packages/figure", "packages/faltung"],
  bench: ["packages/cli", "packages/lab", "packages/figure", "packages/faltung"],
});

const LIBRARY = "packages/faltung";
const EXEMPT = /([./](test|test-d|testing|bench|samples)\.ts$)|\/test\//;

/**
 * @typedef {object} Import
 * @property {string} specifier as written
 * @property {boolean} typeOnly gone at run time
 * @property {boolean} dynamic `import(…)`
 * @property {number} line
 *
 * @typedef {object} Module
 * @property {string} path from the tree's top, with `/`
 * @property {string} pkg folder of its package
 * @property {readonly Import[]} imports
 *
 * @typedef {{ name: string, dependencies: ReadonlySet<string> }} Manifest
 */

/**
 * The imports of a module, and its re-exports.
 * @param {string} file its name: the extension says the language
 * @param {string} source
 * @returns {Import[]}
 */
export function importsOf(file, source) {
  const { module, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  const line = (/** @type {number} */ offset) => source.slice(0, offset).split("\n").length;
  /** @type {Import[]} */
  const imports = [];
  for (const { start, end, moduleRequest, entries } of module.staticImports) {
    // `import "./x.ts"` has no entries, and runs the module.
    const typeOnly =
      entries.length > 0 ? entries.every((e) => e.isType) : /^import\s+type\b/.test(source.slice(start, end));
    imports.push({ specifier: moduleRequest.value, typeOnly, dynamic: false, line: line(start) });
  }
  for (const { start, entries } of module.staticExports) {
    const from = entries.find((e) => e.moduleRequest)?.moduleRequest;
    if (!from) continue;
    imports.push({
      specifier: from.value,
      typeOnly: entries.every((e) => e.isType),
      dynamic: false,
      line: line(start),
    });
  }
  for (const { start, moduleRequest } of module.dynamicImports) {
    const literal = /^["'`]([^"'`$]*)["'`]$/.exec(source.slice(moduleRequest.start, moduleRequest.end));
    if (literal) imports.push({ specifier: literal[1], typeOnly: false, dynamic: true, line: line(start) });
  }
  return imports;
}

/** @param {string} root @returns {{ modules: Module[], manifests: Map<string, Manifest> }} */
function readTree(root) {
  /** @type {Module[]} */
  const modules = [];
  /** @type {Map<string, Manifest>} */
  const manifests = new Map();
  for (const pkg of Object.keys(PACKAGES)) {
    const manifest = join(root, pkg, "package.json");
    if (!existsSync(manifest)) continue;
    const {
      name,
      dependencies = {},
      peerDependencies = {},
      optionalDependencies = {},
      devDependencies = {},
    } = JSON.parse(readFileSync(manifest, "utf8"));
    const shipped = { ...dependencies, ...peerDependencies, ...optionalDependencies };
    // The lab is bundled, the bench is not published: what they import at build time is enough.
    const all = pkg === "bench" || pkg === "packages/lab" ? { ...shipped, ...devDependencies } : shipped;
    manifests.set(pkg, { name, dependencies: new Set(Object.keys(all)) });
    for (const entry of readdirSync(join(root, pkg), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.[mc]?tsx?$/.test(entry.name) || entry.name.endsWith(".d.ts")) continue;
      const file = join(entry.parentPath, entry.name);
      const path = relative(root, file).split(sep).join("/");
      if (/\/(node_modules|dist)\//.test(path)) continue;
      modules.push({ path, pkg, imports: importsOf(file, readFileSync(file, "utf8")) });
    }
  }
  return { modules, manifests };
}

/** The room of a module of the library: `""` for the way in, undefined outside of src. @param {string} path */
function roomOf(path) {
  const inside = path.startsWith(`${LIBRARY}/src/`) ? path.slice(`${LIBRARY}/src/`.length) : undefined;
  return inside?.includes("/") ? inside.slice(0, inside.indexOf("/")) : inside && "";
}

/**
 * Strongly connected parts with more than one member, or an edge to itself (Tarjan 1972), each as a closed walk.
 * @param {ReadonlyMap<string, ReadonlySet<string>>} graph
 * @returns {string[][]}
 */
export function cycles(graph) {
  /** @type {Map<string, number>} */
  const index = new Map();
  /** @type {Map<string, number>} */
  const low = new Map();
  /** @type {string[]} */
  const stack = [];
  /** @type {string[][]} */
  const found = [];
  const visit = (/** @type {string} */ node) => {
    index.set(node, index.size);
    let lowest = index.size - 1;
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) lowest = Math.min(lowest, low.get(next) ?? index.get(next) ?? lowest);
    }
    low.set(node, lowest);
    if (lowest !== index.get(node)) return;
    const part = stack.splice(stack.indexOf(node));
    if (part.length > 1 || graph.get(node)?.has(node)) found.push(walk(graph, part));
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found;
}

/** A shortest way from the first of `part` back to it. @param {ReadonlyMap<string, ReadonlySet<string>>} graph @param {string[]} part */
function walk(graph, [start, ...others]) {
  const inside = new Set([start, ...others]);
  /** @type {string[][]} */
  const queue = [[start]];
  const seen = new Set();
  for (let path = queue.shift(); path; path = queue.shift()) {
    for (const next of graph.get(path[path.length - 1]) ?? []) {
      if (next === start) return [...path, start];
      if (!inside.has(next) || seen.has(next)) continue;
      seen.add(next);
      queue.push([...path, next]);
    }
  }
  return [start, start];
}

/**
 * Everything in the tree that breaks a rule, one sentence each.
 * @param {string} root the repository's top folder, or a tree of the same form
 * @returns {{ problems: string[], modules: number, imports: number }}
 */
export function checkImports(root) {
  const { modules, manifests } = readTree(root);
  const known = new Map(modules.map((m) => [m.path, m]));
  /** @type {string[]} */
  const problems = [];
  /** @type {Map<string, Set<string>>} */
  const atRunTime = new Map(modules.map((m) => [m.path, new Set()]));
  /** @type {Map<string, Set<string>>} */
  const families = new Map();
  /** The imports that make an edge between two families. @type {Map<string, string>} */
  const because = new Map();
  let imports = 0;

  for (const module of modules) {
    const exempt = EXEMPT.test(module.path);
    for (const edge of module.imports) {
      imports++;
      const say = (/** @type {string} */ why) => problems.push(`${module.path}:${edge.line} ${why}`);
      if (!edge.specifier.startsWith(".")) {
        if (!exempt) for (const why of byName(module, edge, manifests)) say(why);
        continue;
      }
      const target = posix.join(posix.dirname(module.path), edge.specifier.replace(/\?.*$/, ""));
      const other = known.get(target);
      if (!target.startsWith(`${module.pkg}/`)) {
        if (!exempt) say(`imports ${target}, in another package, by its path: import it by the package's name.`);
        continue;
      }
      if (!other) {
        if (!existsSync(join(root, target))) say(`imports ${edge.specifier}, which does not exist.`);
        continue;
      }
      if (!edge.typeOnly && !edge.dynamic) atRunTime.get(module.path)?.add(target);
      if (exempt) continue;
      if (EXEMPT.test(target)) say(`imports ${target}: a test's file, which is not shipped.`);
      const why = module.pkg === LIBRARY ? direction(module.path, target) : undefined;
      if (why) say(why);
      const [from, to] = [familyOf(module.path), familyOf(target)];
      if (!from || !to || from === to || edge.typeOnly) continue;
      families.set(from, (families.get(from) ?? new Set()).add(to));
      because.set(`${from} ${to}`, `${module.path}:${edge.line}`);
    }
  }
  for (const cycle of cycles(atRunTime)) problems.push(`cycle: ${cycle.join(" → ")}`);
  for (const cycle of cycles(families)) {
    const edges = cycle.slice(1).map((to, i) => because.get(`${cycle[i]} ${to}`));
    problems.push(`cycle between families of operations: ${cycle.join(" → ")} (${edges.join(", ")})`);
  }
  return { problems: problems.toSorted(), modules: modules.length, imports };
}

/** `ops/conv` for `packages/faltung/src/ops/conv/conv2d.ref.ts`. @param {string} path */
function familyOf(path) {
  return /\/src\/(ops\/[^/]+)\//.exec(path)?.[1];
}

/** @param {string} from @param {string} to @returns {string | undefined} */
function direction(from, to) {
  const [a, b] = [roomOf(from), roomOf(to)];
  if (a === undefined || b === undefined || a === b) return undefined;
  for (const [room, path] of /** @type {const} */ ([
    [a, from],
    [b, to],
  ])) {
    if (room !== "" && !ROOMS.some((r) => r === room))
      return `${path}: no room is called "${room}": ${ROOMS.join(", ")}.`;
  }
  if (a === "") return undefined;
  if (b === "") return `imports ${to}: nothing inside the library imports its way in from outside.`;
  const rank = (/** @type {string} */ room) => ROOMS.findIndex((r) => r === room);
  return rank(a) < rank(b) ? undefined : `imports ${to}: ${a} may not import ${b}, which stands above it.`;
}

/** @param {Module} module @param {Import} edge @param {ReadonlyMap<string, Manifest>} manifests @returns {string[]} */
function byName({ pkg }, { specifier, typeOnly, dynamic }, manifests) {
  if (specifier.startsWith("node:")) {
    return pkg !== LIBRARY || typeOnly || dynamic
      ? []
      : [
          `imports ${specifier} at once: a browser can't load that. Use \`await import("${specifier}")\` where it is needed.`,
        ];
  }
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const sibling = [...manifests].find(([, manifest]) => manifest.name === name)?.[0];
  if (sibling === pkg) return [`imports its own package by name (${specifier}): use the path.`];
  if (sibling && !PACKAGES[pkg].includes(sibling)) return [`imports ${specifier}: ${pkg} may not import ${sibling}.`];
  if (manifests.get(pkg)?.dependencies.has(name)) return [];
  if (pkg === LIBRARY) return [`imports ${specifier}: the library has no dependencies.`];
  return [`imports ${specifier}, which ${pkg}/package.json does not declare as a dependency.`];
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const { problems, modules, imports } = checkImports(ROOT);
  for (const problem of problems) console.error(problem);
  console.log(`imports    ${modules} modules, ${imports} imports, ${problems.length} problems`);
  if (problems.length > 0) process.exit(1);
}
