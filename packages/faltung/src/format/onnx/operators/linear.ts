/** Matrix products. */
import { add, cast, mul } from "../../../ops/elementwise/elementwise.ts";
import { matmul } from "../../../ops/matmul/matmul.ts";
import type { Value } from "../../../ops/op.ts";
import { show } from "../../../tensor/shape.ts";
import type { Operator, Operators } from "../node.ts";
import { carrier } from "./helpers.ts";

/** α·A·B + β·C, A and B possibly transposed, C broadcast. */
const gemm: Operator = {
  build(node) {
    const [a, b] = [node.value(0), node.value(1)];
    if (a.shape.length !== 2 || b.shape.length !== 2)
      node.fail(`A ${show(a.shape)} and B ${show(b.shape)} must be matrices.`);
    const product = matmul(a, b, { transA: node.int("transA", 0) !== 0, transB: node.int("transB", 0) !== 0 });
    const scaled = (v: Value, factor: number): Value => (factor === 1 ? v : mul(v, factor));
    const y = scaled(product, node.float("alpha", 1));
    const beta = node.float("beta", 1);
    return node.has(2) && beta !== 0 ? add(y, scaled(node.value(2), beta)) : y;
  },
};

const matMul: Operator = {
  build(node) {
    const [a, b] = [node.value(0), node.value(1)];
    if (a.dtype === "float32") return matmul(a, b);
    return cast(matmul(cast(a, "float32"), cast(b, "float32")), carrier(node.type()));
  },
};

export const linearOperators: Operators = { Gemm: gemm, MatMul: matMul };
