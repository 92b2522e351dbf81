/** Einstein's sums: operands are joined from the left, each pair as one batched product of matrices. */
import { cast, where } from "../../../ops/elementwise/elementwise.ts";
import { matmul } from "../../../ops/matmul/matmul.ts";
import type { Value } from "../../../ops/op.ts";
import { broadcastTo, sum } from "../../../ops/reduce/reduce.ts";
import { permute, reshape } from "../../../ops/shape/shape.ts";
import { show, sizeOf } from "../../../tensor/shape.ts";
import type { Operator, OnnxNode, Operators } from "../node.ts";
import { asWhole, numbers } from "./helpers.ts";
import { isFloat } from "../dtype.ts";

/** A value whose axes have names: letters, and numbers for those of an ellipsis. */
interface Named {
  readonly value: Value;
  readonly axes: readonly string[];
}

/** The names of a term's axes; an ellipsis stands for `wide` of them, counted from the right. */
function axesOfTerm(node: OnnxNode, term: string, wide: number): string[] {
  const [before, after, more] = term.split("...");
  if (more !== undefined || !/^[A-Za-z]*$/.test(before + (after ?? "")))
    node.fail(`its term "${term}" has something that is neither a letter nor one ellipsis.`);
  const between = after === undefined ? [] : Array.from({ length: wide }, (_, i) => `${wide - 1 - i}`);
  return [...before, ...between, ...(after ?? "")];
}

/** A name that stands twice in one term is the diagonal of both axes. */
function diagonal({ value, axes }: Named): Named {
  const at = axes.findIndex((name, i) => axes.indexOf(name) < i);
  if (at < 0) return { value, axes };
  const first = axes.indexOf(axes[at]);
  const n = value.shape[at];
  const eye = numbers(
    Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
    value.shape.map((_, d) => (d === at || d === first ? n : 1)),
    "uint8",
  );
  return diagonal({ value: cast(sum(where(eye, value, 0), at), value.dtype), axes: axes.filter((_, d) => d !== at) });
}

/** Sums along the axes that nobody else has. */
function reduced({ value, axes }: Named, wanted: ReadonlySet<string>): Named {
  const gone = axes.flatMap((name, d) => (wanted.has(name) ? [] : [d]));
  if (gone.length === 0) return { value, axes };
  return { value: cast(sum(value, gone), value.dtype), axes: axes.filter((name) => wanted.has(name)) };
}

/** The axes in that order, each as wide as it is anywhere. */
function arranged({ value, axes }: Named, order: readonly string[], sizes: ReadonlyMap<string, number>): Value {
  const turned = permute(
    value,
    order.map((name) => axes.indexOf(name)),
  );
  return broadcastTo(
    turned,
    order.map((name) => sizes.get(name) ?? 1),
  );
}

function joined(a: Named, b: Named, wanted: ReadonlySet<string>, sizes: ReadonlyMap<string, number>): Named {
  const own = (x: Named, other: Named): Named => reduced(x, new Set([...wanted, ...other.axes]));
  const [x, y] = [own(a, b), own(b, a)];
  const shared = x.axes.filter((name) => y.axes.includes(name));
  const batch = shared.filter((name) => wanted.has(name));
  const inner = shared.filter((name) => !wanted.has(name));
  const [rows, columns] = [x, y].map(({ axes }) => axes.filter((name) => !shared.includes(name)));
  const size = (names: readonly string[]): number => sizeOf(names.map((name) => sizes.get(name) ?? 1));
  const left = reshape(arranged(x, [...batch, ...rows, ...inner], sizes), [size(batch), size(rows), size(inner)]);
  const right = reshape(arranged(y, [...batch, ...inner, ...columns], sizes), [
    size(batch),
    size(inner),
    size(columns),
  ]);
  const axes = [...batch, ...rows, ...columns];
  const shape = axes.map((name) => sizes.get(name) ?? 1);
  return { value: reshape(matmul(left, right), shape), axes };
}

const einsum: Operator = {
  build(node) {
    const type = node.type();
    const values = node.values().map((x) => (isFloat(type) ? x : cast(x, "float32")));
    const [inputs, result] = node.text("equation").replaceAll(/\s/g, "").split("->");
    const terms = inputs.split(",");
    if (terms.length !== values.length)
      node.fail(`its equation has ${terms.length} terms for ${values.length} inputs.`);
    const wide = terms.map((term, i) => values[i].shape.length - term.replace("...", "").length);
    const widest = Math.max(...wide.map((n, i) => (terms[i].includes("...") ? n : 0)));
    const operands = values.map((value, i): Named => {
      const axes = axesOfTerm(node, terms[i], wide[i]);
      if (axes.length !== value.shape.length) node.fail(`its term "${terms[i]}" does not fit ${show(value.shape)}.`);
      return { value, axes };
    });
    const sizes = new Map<string, number>();
    for (const { value, axes } of operands) {
      axes.forEach((name, d) => {
        const [old, now] = [sizes.get(name) ?? 1, value.shape[d]];
        if (old !== 1 && now !== 1 && old !== now) node.fail(`axis ${name} is ${old} here and ${now} there.`);
        sizes.set(name, Math.max(old, now));
      });
    }
    const output = result === undefined ? implied(node, terms, widest) : axesOfTerm(node, result, widest);
    const unknown = output.find((name) => !sizes.has(name));
    if (unknown !== undefined) node.fail(`its result has the axis ${unknown}, which no input has.`);
    const [first, ...rest] = operands.map(diagonal);
    const total = rest.reduce((a, b, i) => {
      const wanted = new Set([...output, ...rest.slice(i + 1).flatMap(({ axes }) => axes)]);
      return joined(a, b, wanted, sizes);
    }, first);
    const value = arranged(reduced(total, new Set(output)), output, sizes);
    return { type, value: isFloat(type) ? value : asWhole(type, value) };
  },
};

/** Without "->": the ellipsis, then the letters that stand once, in their order. */
function implied(node: OnnxNode, terms: readonly string[], wide: number): string[] {
  const letters = [...terms.join("").replaceAll("...", "")];
  const once = letters.filter((name) => letters.indexOf(name) === letters.lastIndexOf(name)).sort();
  return axesOfTerm(node, `${terms.some((term) => term.includes("...")) ? "..." : ""}${once.join("")}`, wide);
}

export const einsumOperators: Operators = { Einsum: einsum };
