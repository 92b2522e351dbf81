/** The operations of this family, for the registry. */
import type { Operation } from "../op.ts";
import { concatOp } from "./concat.op.ts";
import { flipOp } from "./flip.op.ts";
import { interpolateOp } from "./interpolate.op.ts";
import { padBorderOp, padOp } from "./pad.op.ts";
import { permuteOp } from "./permute.op.ts";
import { reshapeOp } from "./reshape.op.ts";
import { placeOp, sliceOp } from "./slice.op.ts";
import { spatialMapOp } from "./spatialMap.op.ts";

// Records of different attribute types in one list: method parameters are bivariant, so each is an Operation<never>.
export const shapeOperations: readonly Operation<never>[] = [
  reshapeOp,
  permuteOp,
  sliceOp,
  placeOp,
  concatOp,
  padOp,
  padBorderOp,
  flipOp,
  spatialMapOp,
  interpolateOp,
];
