/**
 * Import: from the bytes of an ONNX file to a module. Here is done what needs no shapes: weights become states, the
 * nodes are put in order, and what we have no operator for is told. The rest happens when the module is traced.
 */
import { type State, state } from "../../ops/op.ts";
import { FormatError } from "../../tensor/errors.ts";
import { type Problem, buildNodes, scopeIn, throwProblems } from "./build.ts";
import { CARRIED, isFloat, onnxType } from "./dtype.ts";
import type { ExternalReader } from "./external.ts";
import { type Item, knownItem } from "./item.ts";
import { type GraphProto, type NodeProto, type ValueInfo, readModel } from "./model.ts";
import { OnnxModule, type OnnxPort } from "./module.ts";
import { labelOf, nodeView } from "./node.ts";
import { constantTensor } from "./operators/generate.ts";
import { operatorOf } from "./operators/operators.ts";
import { type PreparedNode, functionsOf, inlined, ordered } from "./prepare.ts";
import { type HostTensor, decodeTensor, programTensor } from "./tensor.ts";

export interface ImportOptions {
  /** What to call the model in errors: its file name, for instance. "model" unless said. */
  readonly name?: string;
  /** Gives the bytes of a file in the model's folder, for weights that are kept in files of their own. */
  readonly external?: ExternalReader;
}

/** The operator sets of ONNX that this import was written for. */
export const OPSETS: { readonly least: number; readonly newest: number } = { least: 1, newest: 27 };

/**
 * A module from the bytes of an ONNX model.
 *
 * @throws FormatError if the bytes are no valid model, or use what is not supported: all such nodes are listed.
 *
 * @example
 * ```ts fragment
 * const net = importOnnx(await readFile("resnet.onnx"));
 * net.inputs.map((input) => input.name); // ["image"]
 * ```
 */
export function importOnnx(bytes: Uint8Array, options: ImportOptions = {}): OnnxModule {
  const { name: what = "model", external } = options;
  const model = readModel(bytes, what);
  const { graph } = model;
  checkOpset(model.opsets.get(""), what);
  if (graph.sparse > 0) throw new FormatError(`${what}: it has sparse initialisers, which are not supported.`);
  const functions = functionsOf(model);
  const operator = operatorOf;
  const context = { what, functions, external, operator };

  const hosts = initializersOf(graph, external, what);
  const given = graph.inputs.filter((info) => !hosts.has(info.name));
  const names = new Set<string>(hosts.keys());
  for (const { name } of given) {
    if (names.has(name)) throw new FormatError(`${what}: two inputs are called "${name}".`);
    names.add(name);
  }
  const nodes = ordered(inlined(graph.nodes, model.opsets, functions, what), (name) => names.has(name), what);
  const rest = takeConstants(nodes, hosts, { ...context, training: false, problems: [] });
  throwProblems(what, missingOperators(rest));
  for (const { name } of graph.outputs) {
    const made = names.has(name) || nodes.some(({ proto }) => proto.outputs.includes(name));
    if (!made) throw new FormatError(`${what}: nothing makes its output "${name}".`);
  }

  const states = statesOf(hosts, rest, what);
  const known = new Map<string, Item>(
    [...hosts].map(([name, host]) => [name, knownItem(host, name, states.get(name))]),
  );
  const settings = settingsOf(rest);
  return new OnnxModule({
    inputs: given.map((info) => ({ ...portOf(info, what), setting: settings.has(info.name) })),
    outputs: graph.outputs.map((info) => portOf(info, what)),
    nodes: rest,
    known,
    states,
    context,
  });
}

function checkOpset(version: number | undefined, what: string): void {
  if (version === undefined) return; // every node is of another domain
  if (!(Number.isSafeInteger(version) && version >= OPSETS.least && version <= OPSETS.newest)) {
    throw new FormatError(
      `${what}: it is written for operator set ${version}; ${OPSETS.least} to ${OPSETS.newest} are known.`,
    );
  }
}

function initializersOf(
  graph: GraphProto,
  external: ExternalReader | undefined,
  what: string,
): Map<string, HostTensor> {
  const hosts = new Map<string, HostTensor>();
  for (const tensor of graph.initializers) {
    if (tensor.name === "" || hosts.has(tensor.name))
      throw new FormatError(`${what}: two initialisers are called "${tensor.name}".`);
    hosts.set(tensor.name, decodeTensor(tensor, external, what));
  }
  return hosts;
}

function portOf({ name, elemType, shape, other }: ValueInfo, what: string): OnnxPort {
  if (other !== undefined) throw new FormatError(`${what}: "${name}" is of type ${other}, which is not supported.`);
  const type = onnxType(elemType === 0 ? 1 : elemType);
  if (type === undefined)
    throw new FormatError(`${what}: "${name}" has the data type ${elemType}, which ONNX does not know.`);
  if (CARRIED[type].dtype === undefined)
    throw new FormatError(`${what}: "${name}" is of type ${type}, which is not supported.`);
  const sizes = shape?.map((d) => (typeof d === "number" && !(Number.isSafeInteger(d) && d >= 0) ? null : d));
  return { name, type, shape: sizes };
}

/**
 * Constants, and whole numbers that only stand for floats (a quantised weight and its scale), become initialisers:
 * older exporters write all weights as constants, and a dequantised weight can be trained.
 */
function takeConstants(
  nodes: readonly PreparedNode[],
  hosts: Map<string, HostTensor>,
  context: Parameters<typeof buildNodes>[3],
): PreparedNode[] {
  return nodes.filter((node) => {
    const { proto, opsets } = node;
    if (proto.domain !== "" || proto.outputs.length !== 1) return true;
    const [name] = proto.outputs;
    if (proto.opType === "Constant") {
      const view = nodeView(proto, [], {
        what: context.what,
        opset: opsets.get("") ?? 1,
        training: false,
        isUsed: () => true,
        decode: (tensor) => decodeTensor(tensor, context.external, `${context.what}: ${labelOf(proto)}`),
        run: () => [],
      });
      hosts.set(name, constantTensor(view));
      return false;
    }
    if (proto.opType !== "DequantizeLinear" || !proto.inputs.every((input) => input === "" || hosts.has(input)))
      return true;
    const scope = scopeIn(undefined);
    for (const input of proto.inputs) {
      const host = hosts.get(input);
      if (host !== undefined) scope.set(input, knownItem(host, input));
    }
    buildNodes([node], [name], scope, context);
    throwProblems(context.what, context.problems);
    const item = scope.get(name);
    if (item !== undefined) hosts.set(name, item.host());
    return item === undefined;
  });
}

function missingOperators(nodes: readonly PreparedNode[]): Problem[] {
  return nodes.flatMap(({ proto }) => {
    if (operatorOf(proto.domain, proto.opType) !== undefined) return [];
    const of = proto.domain === "" ? "" : ` of domain ${proto.domain}`;
    return [{ node: labelOf(proto), reason: `there is no operator ${proto.opType}${of}` }];
  });
}

/** Float tensors that are computed with, and not only read as settings, can be trained. */
function statesOf(
  hosts: ReadonlyMap<string, HostTensor>,
  nodes: readonly PreparedNode[],
  what: string,
): Map<string, State> {
  const roles = new Map<string, "parameter" | "buffer">();
  for (const { proto } of nodes) {
    const { needs = [], sized = [], settings = [], buffers = [] } = operatorOf(proto.domain, proto.opType) ?? {};
    proto.inputs.forEach((name, i) => {
      if (needs.includes(i) || sized.includes(i) || settings.includes(i)) return;
      if (roles.get(name) !== "buffer") roles.set(name, buffers.includes(i) ? "buffer" : "parameter");
    });
  }
  const states = new Map<string, State>();
  for (const [name, host] of hosts) {
    const role = roles.get(name);
    if (role === undefined || !isFloat(host.type) || host.shape.length === 0) continue;
    states.set(name, state({ role, label: name, initial: programTensor(host, `${what}: tensor "${name}"`) }));
  }
  return states;
}

/** All nodes, those of branches and loops included. */
function flattened(nodes: readonly NodeProto[]): NodeProto[] {
  return nodes.flatMap((node) => [
    node,
    ...[...node.attributes.values()].flatMap(({ g }) => (g === undefined ? [] : flattened(g.nodes))),
  ]);
}

/** Names whose numbers decide about shapes: followed backwards from where they are needed. */
function settingsOf(nodes: readonly PreparedNode[]): ReadonlySet<string> {
  const all = flattened(nodes.map(({ proto }) => proto));
  const needed = new Set<string>();
  for (let before = -1; before < needed.size;) {
    before = needed.size;
    for (const node of all.toReversed()) {
      const { needs = [] } = operatorOf(node.domain, node.opType) ?? {};
      for (const i of needs) if (node.inputs[i] !== undefined) needed.add(node.inputs[i]);
      const graphs = [...node.attributes.values()].flatMap(({ g }) => (g === undefined ? [] : [g]));
      for (const g of graphs) {
        node.outputs.forEach((name, i) => {
          const skipped = node.opType === "Loop" ? 1 : 0; // a loop's body gives its condition first
          if (needed.has(name) && g.outputs[i + skipped] !== undefined) needed.add(g.outputs[i + skipped].name);
        });
        if (node.opType === "Loop") {
          needed.add(g.outputs[0]?.name ?? "");
          g.inputs.forEach((info, i) => {
            if (needed.has(info.name) && node.inputs[i] !== undefined) needed.add(node.inputs[i]);
          });
        }
      }
      // A shape is known whatever the numbers are.
      if (node.opType === "Shape" || node.opType === "Size" || graphs.length > 0) continue;
      if (node.outputs.some((name) => needed.has(name))) for (const name of node.inputs) needed.add(name);
    }
  }
  for (const node of all) {
    const { sized = [] } = operatorOf(node.domain, node.opType) ?? {};
    for (const i of sized) if (node.inputs[i] !== undefined) needed.add(node.inputs[i]);
  }
  return needed;
}
