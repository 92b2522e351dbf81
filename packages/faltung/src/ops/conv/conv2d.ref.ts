/**
 * The three operations of convolution as plain loops: the specification that every kernel answers to.
 * One to three spatial dimensions; those that are missing have size 1, so that one set of loops serves all.
 */
import type { Numbers, RefTensor } from "../op.ts";
import type { ConvAttributes } from "./attributes.ts";

/** Does `visit(y, w, x)` for the flat indices of every triple that the relation joins: y += w·x, and its adjoints. */
function forEachTriple(
  a: ConvAttributes,
  [batch, outChannels, groupChannels]: readonly [number, number, number],
  visit: (y: number, w: number, x: number) => void,
): void {
  const [id, ih, iw] = three(a.input, 1);
  const [kd, kh, kw] = three(a.kernel, 1);
  const [od, oh, ow] = three(a.output, 1);
  const [sd, sh, sw] = three(a.stride, 1);
  const [dd, dh, dw] = three(a.dilation, 1);
  const [bd, bh, bw] = three(a.begin, 0);
  const channels = groupChannels * a.groups;
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < outChannels; o++) {
      const group = Math.floor(o / (outChannels / a.groups));
      for (let c = 0; c < groupChannels; c++) {
        for (let tz = 0; tz < kd; tz++) {
          for (let ty = 0; ty < kh; ty++) {
            for (let tx = 0; tx < kw; tx++) {
              const w = (((o * groupChannels + c) * kd + tz) * kh + ty) * kw + tx;
              for (let z = 0; z < od; z++) {
                const iz = z * sd - bd + tz * dd;
                if (iz < 0 || iz >= id) continue;
                for (let y = 0; y < oh; y++) {
                  const iy = y * sh - bh + ty * dh;
                  if (iy < 0 || iy >= ih) continue;
                  for (let x = 0; x < ow; x++) {
                    const ix = x * sw - bw + tx * dw;
                    if (ix < 0 || ix >= iw) continue;
                    visit(
                      (((n * outChannels + o) * od + z) * oh + y) * ow + x,
                      w,
                      (((n * channels + group * groupChannels + c) * id + iz) * ih + iy) * iw + ix,
                    );
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}

function three(list: readonly number[], fill: number): readonly [number, number, number] {
  const [c, b = fill, a = fill] = list.toReversed();
  return [a, b, c];
}

/** Sums in double precision, whatever the array that keeps the result. */
function into(out: RefTensor, add: (sums: Float64Array) => void): void {
  const sums = new Float64Array(out.data.length);
  add(sums);
  (out.data as Numbers).set(sums);
}

/** y = conv(x, w). */
export function convReference([x, w]: readonly RefTensor[], a: ConvAttributes, out: RefTensor): void {
  into(out, (sums) => {
    forEachTriple(a, [x.shape[0], w.shape[0], w.shape[1]], (iy, iw, ix) => {
      sums[iy] += w.data[iw] * x.data[ix];
    });
  });
}

/** x = convTranspose(y, w): every output gives to the inputs what it took from them. */
export function convTransposeReference([y, w]: readonly RefTensor[], a: ConvAttributes, out: RefTensor): void {
  into(out, (sums) => {
    forEachTriple(a, [y.shape[0], w.shape[0], w.shape[1]], (iy, iw, ix) => {
      sums[ix] += w.data[iw] * y.data[iy];
    });
  });
}

/** w = convWeightGrad(x, y): every tap collects the products of what it joins. */
export function convWeightGradReference([x, y]: readonly RefTensor[], a: ConvAttributes, out: RefTensor): void {
  into(out, (sums) => {
    forEachTriple(a, [x.shape[0], out.shape[0], out.shape[1]], (iy, iw, ix) => {
      sums[iw] += y.data[iy] * x.data[ix];
    });
  });
}
