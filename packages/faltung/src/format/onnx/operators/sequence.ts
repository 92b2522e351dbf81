/**
 * Sequences of tensors, as scripts that fill and read lists are exported. How many tensors there are, and which one is
 * meant, must be known while building: then a sequence is only another name for its tensors.
 */
import { concat, reshape, split, stack } from "../../../ops/shape/shape.ts";
import { type Item, sequenceItem, valueItem } from "../item.ts";
import type { Built, Operator, OnnxNode, Operators } from "../node.ts";
import { hostInts } from "../tensor.ts";
import { axisOf } from "./helpers.ts";

function partsOf(node: OnnxNode, i: number): readonly Item[] {
  return node.item(i).parts ?? node.fail(`input ${i} ("${node.proto.inputs[i]}") must be a sequence; it is a tensor.`);
}

/** A place from 0 to `most`; negative ones count from the end, which is meant where none is given. */
function placeOf(node: OnnxNode, i: number, length: number, most: number): number {
  const [given] = node.has(i) ? node.numbers(i) : [most];
  const place = given < 0 ? given + length : given;
  if (!(place >= 0 && place <= most)) node.fail(`there is no place ${given} in a sequence of ${length}.`);
  return place;
}

const insert: Operator = {
  needs: [2],
  build(node): Built {
    const parts = partsOf(node, 0);
    return sequenceItem(parts.toSpliced(placeOf(node, 2, parts.length, parts.length), 0, node.item(1)));
  },
};

const erase: Operator = {
  needs: [1],
  build(node): Built {
    const parts = partsOf(node, 0);
    return sequenceItem(parts.toSpliced(placeOf(node, 1, parts.length, parts.length - 1), 1));
  },
};

const at: Operator = {
  needs: [1],
  build(node): Built {
    const parts = partsOf(node, 0);
    return parts[placeOf(node, 1, parts.length, parts.length - 1)];
  },
};

const concatenated: Operator = {
  build(node): Built {
    const values = partsOf(node, 0).map((part) => part.value());
    if (values.length === 0) node.fail("the sequence is empty.");
    const stacks = node.int("new_axis", 0) !== 0;
    const axis = axisOf(node, node.int("axis"), values[0].shape.length + (stacks ? 1 : 0));
    return stacks ? stack(values, axis) : concat(values, axis);
  },
};

/** Parts of given sizes; of one size, the last one may be smaller; or single slices, by default without their axis. */
const splitToSequence: Operator = {
  needs: [1],
  build(node): Built {
    const x = node.value(0);
    const axis = axisOf(node, node.int("axis", 0), x.shape.length);
    const n = x.shape[axis];
    const given = node.has(1) ? node.numbers(1) : [1];
    const [size] = given;
    const one = !node.has(1) || node.shape(1).length === 0;
    if (one && size < 1) node.fail(`split is ${size}; it must be ≥ 1.`);
    const sizes = one ? Array.from({ length: Math.ceil(n / size) }, (_, i) => Math.min(size, n - i * size)) : given;
    const keeps = node.has(1) || node.int("keepdims", 1) !== 0;
    const parts = split(x, sizes, axis).map((part) => (keeps ? part : reshape(part, part.shape.toSpliced(axis, 1))));
    return sequenceItem(parts.map((part, i) => valueItem(node.type(), part, `${node.proto.outputs[0]}[${i}]`)));
  },
};

/** The body once for each element of the first sequence, with those of the others beside it; tensors stay. */
const map: Operator = {
  build(node): readonly Built[] {
    const rows = partsOf(node, 0).map((_, i) =>
      node.run(
        node.graph("body"),
        node.inputs.map((_input, k) => {
          const { parts } = node.item(k);
          return parts === undefined ? node.item(k) : (parts[i] ?? node.fail(`sequence ${k} has no element ${i}.`));
        }),
      ),
    );
    return node.proto.outputs.map((_, k) => sequenceItem(rows.map((row) => row[k])));
  },
};

export const sequenceOperators: Operators = {
  SequenceConstruct: { build: (node) => sequenceItem(node.proto.inputs.map((_, i) => node.item(i))) },
  SequenceEmpty: { build: () => sequenceItem([]) },
  SequenceInsert: insert,
  SequenceErase: erase,
  SequenceAt: at,
  SequenceLength: { build: (node) => hostInts([partsOf(node, 0).length], []) },
  SequenceMap: map,
  ConcatFromSequence: concatenated,
  SplitToSequence: splitToSequence,
};
