/** A stranger's program in TypeScript, checked against the packed library's declarations, theirs included. */
import { Conv2d, type Dataset, Module, type Shape, Tensor, type Value, compile, fit, relu } from "faltung";

const shape: Shape = [2, 3];
export const x: Tensor = Tensor.zeros(shape);
export const first: number = x.at(0, 0);
// @ts-expect-error the declarations are there, and strict
x.at("0");

class Net extends Module {
  conv = new Conv2d(1, 4, 3, { padding: "same" });
  forward(input: Value): Value {
    return relu(this.conv.forward(input));
  }
}

export async function use(data: Dataset): Promise<number> {
  const net = new Net();
  for await (const event of await fit(net, { train: data, epochs: 1 })) {
    if (event.kind === "epoch") return event.accuracy;
  }
  const run = await compile(({ x }) => ({ y: net.forward(x) }), { x: [1, 1, 8, 8] });
  // @ts-expect-error the entry has no output of this name
  const none: Tensor = run({ x: Tensor.zeros([1, 1, 8, 8]) }).z;
  return run({ x: Tensor.zeros([1, 1, 8, 8]) }).y.size + none.size;
}
