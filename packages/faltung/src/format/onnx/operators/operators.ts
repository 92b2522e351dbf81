/** The table of all operators, by domain and name. */
import type { Operator, Operators } from "../node.ts";
import { convOperators } from "./conv.ts";
import { einsumOperators } from "./einsum.ts";
import { elementwiseOperators } from "./elementwise.ts";
import { gatherOperators } from "./gather.ts";
import { generateOperators } from "./generate.ts";
import { linearOperators } from "./linear.ts";
import { lossOperators, trainingOperators } from "./loss.ts";
import { microsoftOperators } from "./microsoft.ts";
import { normOperators } from "./norm.ts";
import { poolOperators } from "./pool.ts";
import { quantizeOperators } from "./quantize.ts";
import { recurrentOperators } from "./recurrent.ts";
import { reduceOperators } from "./reduce.ts";
import { resizeOperators } from "./resize.ts";
import { sampleOperators } from "./sample.ts";
import { sequenceOperators } from "./sequence.ts";
import { shapeOperators } from "./shape.ts";
import { sizedOperators } from "./sized.ts";
import { trigonometryOperators } from "./trigonometry.ts";

const DOMAINS: ReadonlyMap<string, Operators> = new Map([
  [
    "",
    {
      ...convOperators,
      ...einsumOperators,
      ...elementwiseOperators,
      ...gatherOperators,
      ...generateOperators,
      ...linearOperators,
      ...lossOperators,
      ...normOperators,
      ...poolOperators,
      ...quantizeOperators,
      ...recurrentOperators,
      ...reduceOperators,
      ...resizeOperators,
      ...sampleOperators,
      ...sequenceOperators,
      ...shapeOperators,
      ...sizedOperators,
      ...trigonometryOperators,
    },
  ],
  ["ai.onnx.preview.training", trainingOperators],
  ["com.microsoft", microsoftOperators],
]);

export function operatorOf(domain: string, name: string): Operator | undefined {
  const table = DOMAINS.get(domain);
  return table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}

/** Names of ONNX's own operators that can be imported, in order. */
export function supportedOperators(): string[] {
  return Object.keys(DOMAINS.get("") ?? {}).sort();
}
