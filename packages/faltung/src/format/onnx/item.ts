/** A tensor of a model while it is built: a value of the program, or numbers that are known already, or both. */
import { evaluateValues } from "../../compile/evaluate.ts";
import { reachable } from "../../compile/graph.ts";
import { type State, type Value, constant, isState } from "../../ops/op.ts";
import { FormatError } from "../../tensor/errors.ts";
import { type Shape, show, sizeOf } from "../../tensor/shape.ts";
import type { OnnxType } from "./dtype.ts";
import { type HostTensor, fromProgram, programTensor } from "./tensor.ts";

export interface Item {
  readonly type: OnnxType;
  readonly shape: Shape;
  /** It does not depend on the model's inputs, so that its numbers can be had while building. */
  readonly known: boolean;
  /** In the program. */
  value(): Value;
  /** The numbers; of parameters those that they begin with. Only if `known`. */
  host(): HostTensor;
  /** It is a sequence of these, and no tensor. */
  readonly parts?: readonly Item[];
}

/** Numbers that are known: a state where they are to be trained, else a constant when a program wants them. */
export function knownItem(host: HostTensor, name: string, state?: State): Item {
  let made: Value | undefined = state;
  return {
    type: host.type,
    shape: host.shape,
    known: true,
    value: () => (made ??= constant(programTensor(host, name))),
    host: () => host,
  };
}

/** Numbers that only running the program tells. */
export function valueItem(type: OnnxType, value: Value, name: string): Item {
  return {
    type,
    shape: value.shape,
    known: false,
    value: () => value,
    host() {
      throw new FormatError(
        `tensor "${name}" depends on the model's inputs, so its numbers are not known before it runs.`,
      );
    },
  };
}

/** Tensors in a row under one name. */
export function sequenceItem(parts: readonly Item[]): Item {
  const none = (): never => {
    throw new FormatError(`a sequence of ${parts.length} tensors stands where a tensor is needed.`);
  };
  return {
    type: parts.at(0)?.type ?? "float",
    shape: [],
    known: parts.every((part) => part.known),
    value: none,
    host: none,
    parts,
  };
}

/** More numbers than this are not computed while building: 64 MB, and no shape arithmetic is near it. */
const MOST_FOLDED = 2 ** 24;

/**
 * What an operation made of known items. If no parameter is in it, it is computed at once by the reference loops and
 * becomes a constant; otherwise it stays in the program, so that it follows the parameter.
 */
export function foldedItem(type: OnnxType, value: Value, name: string): Item {
  const evaluated = (): HostTensor => {
    if (sizeOf(value.shape) > MOST_FOLDED) {
      throw new FormatError(
        `tensor "${name}" would be computed at import, but its shape ${show(value.shape)} is too large.`,
      );
    }
    const [{ data, shape }] = evaluateValues([value], new Map(), "float32");
    return fromProgram(type, shape, data);
  };
  if (!reachable([value]).some(isState)) return knownItem(evaluated(), name);
  let host: HostTensor | undefined;
  return { type, shape: value.shape, known: true, value: () => value, host: () => (host ??= evaluated()) };
}
