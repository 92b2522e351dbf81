/** A convolution run backwards, gathered: what the transposed convolution and the gradient by the input share. */
import { type ConvGeometry, kernelExtent, normaliseConv } from "faltung/conv";
import { OptionError } from "faltung/errors";
import type { Body, Context } from "../figure.ts";
import { type Plane, convPlanes, makePlane } from "../numbers.ts";
import { type Sliding, outputs, place, spoken } from "../sliding.ts";
import { TURN, cellSize, slidingBlock, turnAt } from "./conv2d.ts";

/** Zeros put between the cells, stride − 1 of them. */
function stuffed(x: Plane, stride: readonly number[]): Plane {
  return makePlane((x.length - 1) * stride[0] + 1, (x[0].length - 1) * stride[1] + 1, (r, c) =>
    r % stride[0] === 0 && c % stride[1] === 0 ? x[r / stride[0]][c / stride[1]] : 0,
  );
}

/**
 * A transposed convolution as an ordinary one: zeros between the cells, padding d(k − 1) − p, the kernel turned.
 * @throws OptionError where that padding would be negative
 */
export function gather(ctx: Context, g: ConvGeometry, x: Plane, w: Plane, roles: Sliding["roles"]): Sliding {
  const wide = stuffed(x, g.stride);
  const sides = g.padding.map(([b, e], d): readonly [number, number] => {
    const reach = kernelExtent(g.kernel[d], g.dilation[d]) - 1;
    return [reach - b, reach - e + g.outputPadding[d]];
  });
  if (sides.flat().some((n) => n < 0)) {
    throw new OptionError(
      "padding: more than the kernel's extent less one; the gathering picture would need negative padding. Pad less.",
    );
  }
  const plain = normaliseConv({ padding: sides, dilation: g.dilation, flip: true }, g.kernel, "convTranspose2d");
  const y = convPlanes(plain, [wide], [[w]])[0];
  const across = wide[0].length + sides[1][0] + sides[1][1] + (ctx.tall ? 0 : w[0].length + y[0].length);
  return {
    key: "t",
    g: plain,
    x: wide,
    w,
    y,
    roles,
    cell: cellSize(across, ctx.tall),
    cells: "numbers",
    shade: "role",
    hole: (r, c) => r % g.stride[0] !== 0 || c % g.stride[1] !== 0,
    lead: TURN,
  };
}

/** The body of a figure in which a kernel slides; `law` is written beside the sum. */
export function slidingBody(ctx: Context, s: Sliding, title: string, caption: string, law: string): Body {
  return {
    title,
    caption,
    steps: s.lead + outputs(s),
    still: s.lead + Math.floor(outputs(s) / 2),
    pace: (step) => (step < s.lead ? 0.5 : step === s.lead + outputs(s) - 1 ? 2 : 1),
    block: (step) => slidingBlock(ctx, s, step, turnAt(s, step), law === "" ? [] : [law]),
    sentence: (step) =>
      step < s.lead
        ? ctx.t({ en: "The kernel is turned by half a turn.", ko: "커널을 반 바퀴 돌린다." })
        : spoken(s, place(s, step - s.lead)),
  };
}
