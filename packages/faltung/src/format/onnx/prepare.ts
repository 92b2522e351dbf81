/**
 * A graph before it is built: functions of the model put in place of the nodes that call them, nodes in an order in
 * which each finds its inputs, names checked.
 */
import { FormatError } from "../../tensor/errors.ts";
import type { AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto } from "./model.ts";
import { labelOf } from "./node.ts";

/** A node, and the operator sets that it was written for (a function's may differ from the model's). */
export interface PreparedNode {
  readonly proto: NodeProto;
  readonly opsets: ReadonlyMap<string, number>;
}

/** A node that calls a function must not become more nodes than any real network has. */
const MOST_NODES = 100_000;
const MAX_DEPTH = 32;

function functionKey(domain: string, name: string): string {
  return `${domain}::${name}`;
}

/** Functions by domain and name. */
export function functionsOf(model: ModelProto): ReadonlyMap<string, FunctionProto> {
  return new Map(model.functions.map((f) => [functionKey(f.domain === "ai.onnx" ? "" : f.domain, f.name), f]));
}

/** Puts the bodies of functions in the places of their calls. @throws FormatError for recursion or an explosion */
export function inlined(
  nodes: readonly NodeProto[],
  opsets: ReadonlyMap<string, number>,
  functions: ReadonlyMap<string, FunctionProto>,
  what: string,
): PreparedNode[] {
  const out: PreparedNode[] = [];
  let calls = 0;
  const visit = (proto: NodeProto, sets: ReadonlyMap<string, number>, depth: number): void => {
    const f = functions.get(functionKey(proto.domain, proto.opType));
    if (f === undefined) out.push({ proto, opsets: sets });
    else if (depth > MAX_DEPTH)
      throw new FormatError(`${what}: function ${f.name} calls itself, or nests more than ${MAX_DEPTH} deep.`);
    else
      for (const inner of callOf(f, proto, `${f.name}_${calls++}/`))
        visit(inner, f.opsets.size > 0 ? f.opsets : sets, depth + 1);
    if (out.length + calls > MOST_NODES) throw new FormatError(`${what}: there are more than ${MOST_NODES} nodes.`);
  };
  for (const node of nodes) visit(node, opsets, 0);
  return out;
}

/** The nodes of a function with the caller's names and attributes; its own names get a prefix. */
function callOf(f: FunctionProto, call: NodeProto, prefix: string): NodeProto[] {
  const names = new Map<string, string>([["", ""]]);
  f.inputs.forEach((name, i) => names.set(name, call.inputs[i] ?? ""));
  f.outputs.forEach((name, i) => names.set(name, call.outputs[i] ?? `${prefix}${name}`));
  const rename = (name: string): string => names.get(name) ?? `${prefix}${name}`;
  const defaults = new Map(f.defaults.map((a) => [a.name, a]));
  const bind = (a: AttributeProto): AttributeProto | undefined => {
    if (a.g !== undefined) return { ...a, g: renamedGraph(a.g, rename, bind) };
    if (a.reference === undefined) return a;
    const given = call.attributes.get(a.reference) ?? defaults.get(a.reference);
    return given === undefined ? undefined : { ...given, name: a.name };
  };
  return f.nodes.map((node) => renamedNode(node, rename, bind, prefix));
}

type Rename = (name: string) => string;
type Bind = (a: AttributeProto) => AttributeProto | undefined;

function renamedNode(node: NodeProto, rename: Rename, bind: Bind, prefix = ""): NodeProto {
  const attributes = [...node.attributes].flatMap(([name, a]) => {
    const bound = bind(a);
    return bound === undefined ? [] : [[name, bound] as const];
  });
  return {
    ...node,
    name: `${prefix}${node.name}`,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    attributes: new Map(attributes),
  };
}

function renamedGraph(g: GraphProto, rename: Rename, bind: Bind): GraphProto {
  return {
    ...g,
    nodes: g.nodes.map((node) => renamedNode(node, rename, bind)),
    initializers: g.initializers.map((t) => ({ ...t, name: rename(t.name) })),
    inputs: g.inputs.map((v) => ({ ...v, name: rename(v.name) })),
    outputs: g.outputs.map((v) => ({ ...v, name: rename(v.name) })),
  };
}

/** All names that a node reads, those of its inner graphs included. */
export function readsOf(node: NodeProto): string[] {
  const names = node.inputs.filter((name) => name !== "");
  for (const { g } of node.attributes.values()) {
    if (g === undefined) continue;
    const own = new Set([...g.inputs.map((v) => v.name), ...g.initializers.map((t) => t.name)]);
    for (const inner of g.nodes) for (const name of inner.outputs) own.add(name);
    for (const name of [...g.nodes.flatMap(readsOf), ...g.outputs.map((v) => v.name)])
      if (!own.has(name)) names.push(name);
  }
  return names;
}

/**
 * The nodes in an order in which each one's inputs are there. ONNX asks for such an order already; it is kept where it
 * is one.
 *
 * @param given names that are there from the start
 * @param outer names of the graphs around, which nodes may read, and hide by their own
 * @throws FormatError for a name that nothing makes, is made twice, or is made from itself
 */
export function ordered(
  nodes: readonly PreparedNode[],
  given: (name: string) => boolean,
  what: string,
  outer: (name: string) => boolean = () => false,
): PreparedNode[] {
  const makers = new Map<string, number>();
  nodes.forEach(({ proto }, i) => {
    for (const name of proto.outputs) {
      if (name === "") continue;
      if (makers.has(name) || given(name))
        throw new FormatError(`${what}: ${labelOf(proto)} makes "${name}", which something else makes as well.`);
      makers.set(name, i);
    }
  });
  const users: number[][] = nodes.map(() => []);
  const waiting = nodes.map(({ proto }, i) => {
    let open = 0;
    for (const name of new Set(readsOf(proto))) {
      const maker = makers.get(name);
      if (maker === undefined && (given(name) || outer(name))) continue;
      if (maker === undefined)
        throw new FormatError(`${what}: ${labelOf(proto)} reads "${name}", which nothing makes.`);
      users[maker].push(i);
      open++;
    }
    return open;
  });
  // A node that becomes ready behind its place is taken on the next round; a sorted graph needs one round.
  const order: number[] = [];
  let ready = waiting.flatMap((open, i) => (open === 0 ? [i] : []));
  while (ready.length > 0) {
    const next: number[] = [];
    for (const i of ready) {
      order.push(i);
      for (const user of users[i]) if (--waiting[user] === 0) next.push(user);
    }
    ready = next;
  }
  if (order.length < nodes.length) {
    const stuck = nodes[waiting.findIndex((open) => open > 0)];
    throw new FormatError(`${what}: ${labelOf(stuck.proto)} depends on itself: the graph has a cycle.`);
  }
  const sorted = nodes.every(({ proto }, i) => readsOf(proto).every((name) => (makers.get(name) ?? -1) < i));
  return sorted ? [...nodes] : order.map((i) => nodes[i]);
}
