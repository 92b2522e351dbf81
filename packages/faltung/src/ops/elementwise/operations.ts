/** All elementwise operations, for the registry. */
import type { Operation } from "../op.ts";
import { eluOp, leakyReluOp, reluOp } from "./activations.ts";
import { addOp, divOp, mulOp, negOp, subOp } from "./arithmetic.ts";
import { eqOp, geOp, gtOp, leOp, logicalAndOp, logicalNotOp, logicalOrOp, ltOp, neOp, whereOp } from "./comparison.ts";
import * as f from "./functions.ts";

const arithmetic = [addOp, subOp, mulOp, divOp, negOp];
const comparisons = [eqOp, neOp, ltOp, leOp, gtOp, geOp, logicalAndOp, logicalOrOp, logicalNotOp, whereOp];
const functions = [f.expOp, f.expm1Op, f.logOp, f.log1pOp, f.sqrtOp, f.sigmoidOp, f.tanhOp, f.erfOp, f.powOp];
const others = [f.absOp, f.signOp, f.floorOp, f.ceilOp, f.roundOp, f.maximumOp, f.minimumOp, f.clampOp, f.castOp];
const activations = [reluOp, leakyReluOp, eluOp];

export const elementwiseOperations: readonly Operation<never>[] = [
  ...arithmetic,
  ...comparisons,
  ...functions,
  ...others,
  ...activations,
];
