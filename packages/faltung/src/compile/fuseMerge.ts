/** Groups over one domain that share what they read, merged; then all groups in an order in which they can run. */
import type { Value } from "../ops/op.ts";
import { sameShape, sizeOf } from "../tensor/shape.ts";
import { domainOf } from "./fuseGraph.ts";
import type { Group } from "./fuse.ts";

/** A map stores at most so many tensors, a reduction combines so many at once. */
const MOST_RESULTS = { map: 4, reduce: 3 } as const;
const MOST_READS = 8;
/** Maps of so few elements cost less than the wait for all threads after them: they are merged even if unrelated. */
const TINY = 64;
const MOST_TINY = 16;

export function mergeGroups(groups: readonly Group[]): Group[] {
  const nodes = groups.map((group): Node => ({ group, ...span(group), before: new Set(), merged: null }));
  const maker = new Map<Value, Node>();
  for (const node of nodes) for (const v of node.group.outputs) maker.set(v, node);
  for (const node of nodes) {
    for (const v of node.group.reads) {
      const from = maker.get(v);
      if (from !== undefined) node.before.add(from);
    }
  }
  const readers = new Map<Value, Node[]>();
  // The last tiny map of each shape.
  const tiny = new Map<string, Node>();
  for (const node of nodes) {
    if (node.group.kind === "other") continue;
    // Candidates: what makes something that this reads, or reads something that this reads, of the domain's size.
    const near = new Set<Node>();
    const size = sizeOf(domainOf(node.group.outputs[0]));
    const large = [...node.group.reads].filter((v) => sizeOf(v.shape) === size);
    for (const v of large) {
      const from = maker.get(v);
      if (from !== undefined) near.add(find(from));
      for (const other of readers.get(v) ?? []) near.add(find(other));
    }
    const shape = isTiny(node.group) ? domainOf(node.group.outputs[0]).join() : null;
    const last = shape === null ? undefined : tiny.get(shape);
    if (last !== undefined) near.add(find(last));
    for (const other of [...near].sort((a, b) => a.group.outputs[0].id - b.group.outputs[0].id)) {
      const mine = find(node);
      if (other !== find(other) || other === mine) continue;
      if (worthwhile(other.group, mine.group) && !reaches(mine, other)) unite(other, mine);
    }
    if (shape !== null) tiny.set(shape, node);
    for (const v of large) {
      const list = readers.get(v) ?? [];
      readers.set(v, list);
      list.push(node);
    }
  }
  return ordered(nodes.filter((node) => node.merged === null));
}

interface Node {
  group: Group;
  /** The least and the greatest number of a value that it makes: what it waits for has a lesser number than `last`. */
  first: number;
  last: number;
  /** Nodes that must run first; follow {@link find}. */
  before: Set<Node>;
  /** Where it went. */
  merged: Node | null;
}

function span({ outputs }: Group): { first: number; last: number } {
  const ids = outputs.map((v) => v.id);
  return { first: Math.min(...ids), last: Math.max(...ids) };
}

function isTiny({ kind, outputs }: Group): boolean {
  return kind === "map" && sizeOf(outputs[0].shape) <= TINY;
}

function find(node: Node): Node {
  let at = node;
  while (at.merged !== null) at = at.merged;
  return at;
}

/** They walk alike, and together they read less: one makes or both read a tensor of the domain's size. */
function worthwhile(a: Group, b: Group): boolean {
  if (a.kind !== b.kind || a.kind === "other") return false;
  const domain = domainOf(a.outputs[0]);
  if (!sameShape(domain, domainOf(b.outputs[0]))) return false;
  if (a.kind === "reduce" && axesOf(a) !== axesOf(b)) return false;
  // The cheap questions first: this is asked of thousands of pairs.
  const results = a.outputs.length + b.outputs.length;
  const tiny = isTiny(a) && isTiny(b);
  if (results > (tiny ? MOST_TINY : MOST_RESULTS[a.kind])) return false;
  const size = sizeOf(domain);
  if (!tiny && !sharesLarge(a, b, size) && !(a.kind === "map" && a.outputs.some((v) => b.reads.has(v)))) return false;
  const reads = new Set([...a.reads, ...b.reads].filter((v) => !a.outputs.includes(v) && !b.outputs.includes(v)));
  return reads.size <= (tiny ? MOST_TINY : MOST_READS);
}

/** Both read a tensor of the domain's size. */
function sharesLarge(a: Group, b: Group, size: number): boolean {
  if (size <= 1) return false;
  for (const v of a.reads) if (b.reads.has(v) && sizeOf(v.shape) === size) return true;
  return false;
}

function axesOf(group: Group): string {
  return (group.outputs[0].attrs as { readonly axes: readonly number[] }).axes.join();
}

/**
 * True if uniting would make a circle: `late` waits for `early` through a third group, or `early` waits for `late`; a
 * reduction cannot be united with one that it waits for at all.
 */
function reaches(late: Node, early: Node): boolean {
  const direct = late.group.kind === "map";
  const waits = (from: Node, to: Node, skipDirect: boolean): boolean => {
    const seen = new Set<Node>();
    const stack = [...from.before].map(find).filter((n) => n !== from && !(skipDirect && n === to));
    for (let n = stack.pop(); n !== undefined; n = stack.pop()) {
      if (n === to) return true;
      // What was made before all of `to` cannot wait for it.
      if (n.last < to.first || seen.has(n)) continue;
      seen.add(n);
      for (const b of n.before) stack.push(find(b));
    }
    return false;
  };
  return waits(late, early, direct) || waits(early, late, direct);
}

function unite(into: Node, from: Node): void {
  const outputs = [...into.group.outputs, ...from.group.outputs].sort((a, b) => a.id - b.id);
  const reads = new Set([...into.group.reads, ...from.group.reads].filter((v) => !outputs.includes(v)));
  into.group = { ...into.group, outputs, reads };
  Object.assign(into, span(into.group));
  into.before = new Set([...into.before, ...from.before]);
  from.merged = into;
}

/** Each group after those that it reads from, otherwise in the order in which their values were made. */
function ordered(nodes: readonly Node[]): Group[] {
  const done = new Set<Node>();
  const order: Group[] = [];
  const visit = (node: Node): void => {
    if (done.has(node)) return;
    done.add(node);
    const first = [...new Set([...node.before].map(find))].sort(
      (a, b) => a.group.outputs[0].id - b.group.outputs[0].id,
    );
    for (const before of first) visit(before);
    order.push(node.group);
  };
  for (const node of nodes) visit(node);
  return order;
}
