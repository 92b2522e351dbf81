/** The functions of this family, as a list. */
export { dropout, dropout2d } from "./dropout.ts";
export { randomUniform } from "./random.op.ts";
