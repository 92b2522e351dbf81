/** Building: nodes in order, each by its operator, into values of a program. */
import type { Value } from "../../ops/op.ts";
import { FaltungError, FormatError, ShapeError } from "../../tensor/errors.ts";
import { show, sizeOf } from "../../tensor/shape.ts";
import type { ExternalReader } from "./external.ts";
import { type Item, foldedItem, knownItem, valueItem } from "./item.ts";
import type { FunctionProto, GraphProto, NodeProto } from "./model.ts";
import { type Built, type Operator, Unsupported, labelOf, nodeView } from "./node.ts";
import { type PreparedNode, inlined, ordered, readsOf } from "./prepare.ts";
import { decodeTensor } from "./tensor.ts";

/** A part of a model that cannot be built, and why. */
export interface Problem {
  readonly node: string;
  readonly reason: string;
}

export interface Context {
  /** Name of the model, first word of every error. */
  readonly what: string;
  readonly functions: ReadonlyMap<string, FunctionProto>;
  readonly external: ExternalReader | undefined;
  readonly training: boolean;
  readonly operator: (domain: string, op: string) => Operator | undefined;
  readonly problems: Problem[];
}

/** @throws FormatError listing every problem */
export function throwProblems(what: string, problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const lines = problems.slice(0, 50).map(({ node, reason }) => `\n  ${node}: ${reason}`);
  const more = problems.length > 50 ? `\n  … and ${problems.length - 50} more` : "";
  const count = problems.length === 1 ? "one node is" : `${problems.length} nodes are`;
  throw new Unsupported(`${what}: ${count} not supported:${lines.join("")}${more}`);
}

/** Items by name, and those of the graphs around. */
export interface Scope {
  get(name: string): Item | undefined;
  set(name: string, item: Item): void;
}

export function scopeIn(outer: Scope | undefined): Scope {
  const own = new Map<string, Item>();
  return { get: (name) => own.get(name) ?? outer?.get(name), set: (name, item) => void own.set(name, item) };
}

/** Builds nodes that are in order already. What cannot be built is noted, and with it all that follows from it. */
export function buildNodes(
  nodes: readonly PreparedNode[],
  wanted: Iterable<string>,
  scope: Scope,
  context: Context,
): void {
  const used = new Set(wanted);
  for (const { proto } of nodes) for (const name of readsOf(proto)) used.add(name);
  for (const { proto, opsets } of nodes) {
    const inputs = proto.inputs.map((name) => (name === "" ? undefined : scope.get(name)));
    if (readsOf(proto).some((name) => scope.get(name) === undefined)) continue; // something before it is unsupported
    try {
      buildNode(proto, opsets, inputs, used, scope, context);
    } catch (error) {
      if (!(error instanceof Unsupported)) throw located(error, proto, inputs, context.what);
      context.problems.push({ node: labelOf(proto), reason: error.message });
    }
  }
}

/** Errors of the operations do not know where in the model they happened. */
function located(error: unknown, proto: NodeProto, inputs: readonly (Item | undefined)[], what: string): unknown {
  if (!(error instanceof FaltungError)) return error;
  if (error.message.startsWith(what)) return error;
  const given = inputs.map((x) => (x === undefined ? "none" : `${x.type} ${show(x.shape)}`)).join(", ");
  const message = `${what}: ${labelOf(proto)}: ${error.message} Its inputs: ${given}.`;
  return error instanceof ShapeError ? new ShapeError(message) : new FormatError(message, { cause: error });
}

function buildNode(
  proto: NodeProto,
  opsets: ReadonlyMap<string, number>,
  inputs: readonly (Item | undefined)[],
  used: ReadonlySet<string>,
  scope: Scope,
  context: Context,
): void {
  const { what } = context;
  const operator = context.operator(proto.domain, proto.opType);
  if (operator === undefined) {
    throw new Unsupported(
      `there is no operator ${proto.opType}${proto.domain === "" ? "" : ` of domain ${proto.domain}`}`,
    );
  }
  const node = nodeView(proto, inputs, {
    what,
    opset: opsets.get(proto.domain) ?? 1,
    training: context.training,
    isUsed: (name) => used.has(name),
    decode: (tensor) => decodeTensor(tensor, context.external, `${what}: ${labelOf(proto)}`),
    run: (graph, given) => buildGraph(graph, given ?? [], opsets, scope, context),
  });
  const built = operator.build(node);
  const results: readonly (Built | undefined)[] = isList(built) ? built : [built];
  // A node without inputs (a constant, random numbers) says for itself what it is.
  const known = inputs.every((x) => x === undefined || x.known) && !proto.opType.startsWith("Random");
  proto.outputs.forEach((name, i) => {
    if (name === "") return;
    const result = results[i];
    if (result !== undefined) scope.set(name, itemOf(result, node.inputs[0]?.type ?? "float", known, name));
    else if (used.has(name)) node.unsupported(`its output ${i} ("${name}") is used, but not computed`);
  });
}

function isList(built: Built | readonly (Built | undefined)[]): built is readonly (Built | undefined)[] {
  return Array.isArray(built);
}

/** 4 GiB of float32: what a program can address. A shape in a file may claim more. */
const MOST_ELEMENTS = 2 ** 30;

function itemOf(built: Built, type: Item["type"], known: boolean, name: string): Item {
  if ("host" in built) return built;
  if ("data" in built) return knownItem(built, name);
  const typed: { readonly type: Item["type"]; readonly value: Value } = "op" in built ? { type, value: built } : built;
  const size = sizeOf(typed.value.shape);
  if (size > MOST_ELEMENTS)
    throw new FormatError(`its output "${name}" would hold ${size} numbers, more than any memory.`);
  return known ? foldedItem(typed.type, typed.value, name) : valueItem(typed.type, typed.value, name);
}

/** Builds a graph of an attribute (a branch, a loop's body) inside the graph around it; its outputs' items. */
function buildGraph(
  graph: GraphProto,
  given: readonly Item[],
  opsets: ReadonlyMap<string, number>,
  outer: Scope,
  context: Context,
): Item[] {
  const { what, functions, external } = context;
  const scope = scopeIn(outer);
  const own = new Set<string>();
  const put = (name: string, item: Item): void => {
    own.add(name);
    scope.set(name, item);
  };
  graph.inputs.forEach((info, i) => {
    if (given[i] === undefined)
      throw new FormatError(`${what}: graph "${graph.name}" has no value for its input "${info.name}".`);
    put(info.name, given[i]);
  });
  for (const tensor of graph.initializers)
    put(tensor.name, knownItem(decodeTensor(tensor, external, what), tensor.name));
  const outputs = graph.outputs.map((v) => v.name);
  const outside = (name: string): boolean => outer.get(name) !== undefined;
  const nodes = ordered(inlined(graph.nodes, opsets, functions, what), (name) => own.has(name), what, outside);
  buildNodes(nodes, outputs, scope, context);
  return outputs.map((name) => {
    const item = scope.get(name);
    if (item === undefined) throw new Unsupported(`its graph "${graph.name}" does not give "${name}"`);
    return item;
  });
}
