/** Batched matrix product as plain loops: the specification that the kernels answer to. */
import type { RefTensor } from "../op.ts";
import { sizeOf } from "../../tensor/shape.ts";
import type { MatmulAttributes } from "./matmul.op.ts";

/** out[…, i, j] = Σ_k a[…, i, k] · b[…, k, j], where a transposed operand is read with its last two indices exchanged. */
export function matmulReference([a, b]: readonly RefTensor[], attrs: MatmulAttributes, out: RefTensor): void {
  const [m, n] = out.shape.slice(-2);
  const inner = a.shape[a.shape.length - (attrs.transA ? 2 : 1)];
  const batch = out.shape.slice(0, -2);
  for (let item = 0; item < sizeOf(batch); item++) {
    const aAt = matrixOffset(a, batch, item);
    const bAt = matrixOffset(b, batch, item);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) {
          const left = a.data[aAt + (attrs.transA ? k * m + i : i * inner + k)];
          const right = b.data[bAt + (attrs.transB ? j * inner + k : k * n + j)];
          sum += left * right;
        }
        out.data[(item * m + i) * n + j] = sum;
      }
    }
  }
}

/** Where the matrix of `x` for the item-th matrix of the result starts: batch dimensions of 1 stretch. */
export function matrixOffset(x: { readonly shape: readonly number[] }, batch: readonly number[], item: number): number {
  const own = x.shape.slice(0, -2);
  let index = 0;
  let stride = 1;
  let rest = item;
  for (let d = 1; d <= batch.length; d++) {
    const size = batch[batch.length - d];
    const mine = own[own.length - d] ?? 1;
    index += (mine === 1 ? 0 : rest % size) * stride;
    stride *= mine;
    rest = Math.floor(rest / size);
  }
  return index * sizeOf(x.shape.slice(-2));
}
