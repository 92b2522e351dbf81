/** The samples of all families. */
import { samples as broadcast } from "../src/ops/broadcast/broadcast.samples.ts";
import { samples as conv } from "../src/ops/conv/conv.samples.ts";
import { samples as elementwise } from "../src/ops/elementwise/elementwise.samples.ts";
import { samples as loss } from "../src/ops/loss/loss.samples.ts";
import { samples as matmul } from "../src/ops/matmul/matmul.samples.ts";
import { samples as norm } from "../src/ops/norm/norm.samples.ts";
import { samples as pool } from "../src/ops/pool/pool.samples.ts";
import { samples as quant } from "../src/ops/quant/quant.samples.ts";
import { samples as random } from "../src/ops/random/random.samples.ts";
import { samples as reduce } from "../src/ops/reduce/reduce.samples.ts";
import type { Sample } from "../src/ops/samples.ts";
import { samples as shape } from "../src/ops/shape/shape.samples.ts";

export const allSamples: readonly Sample[] = [
  ...elementwise,
  ...broadcast,
  ...reduce,
  ...shape,
  ...matmul,
  ...conv,
  ...pool,
  ...norm,
  ...loss,
  ...random,
  ...quant,
];
