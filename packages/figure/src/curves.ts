/** The gallery of functions for the continuous figure, by name with one number: "box:2", "gaussian:0.3", "points:…". */
import { type Curve, box, decay, gaussian, polyline, ramp, sawtooth, sineBurst, triangle } from "faltung/signal";
import { OptionError } from "faltung/errors";
import { suggest } from "./spec.ts";

const GALLERY: Readonly<Record<string, (v?: number) => Curve>> = {
  box: (width) => box(width),
  triangle: (width) => triangle(width),
  gaussian: (sigma) => gaussian(sigma),
  decay: (rate) => decay(rate),
  sawtooth: (teeth) => sawtooth(teeth === undefined ? 2 : Math.max(1, Math.round(teeth))),
  ramp: (width) => ramp(width),
  sine: (cycles) => sineBurst(cycles === undefined ? 3 : Math.max(1, Math.round(cycles))),
};

export const CURVE_NAMES: readonly string[] = [...Object.keys(GALLERY), "points"];

/** @throws OptionError for an unknown name, a number out of [0.1, 8], or points that go back */
export function parseCurve(source: string): Curve {
  const [name, ...rest] = source.split(":");
  const argument = rest.join(":");
  if (name === "points") {
    const points = argument.split("/").map((p) => p.split(",").map(Number));
    if (points.some((p) => p.length !== 2) || points.length > 64 || points.flat().some((v) => !(Math.abs(v) <= 8))) {
      throw new OptionError("give 2 to 64 points within ±8, as in points:0,0/1,1/2,0");
    }
    return polyline(points.map(([x, y]) => [x, y] as const));
  }
  const make = GALLERY[name];
  if (!make) throw new OptionError(`there is no function "${name}". ${suggest(name, CURVE_NAMES)}`);
  if (argument === "") return make();
  const value = Number(argument);
  if (!(value >= 0.1 && value <= 8)) throw new OptionError(`the number behind "${name}:" must lie between 0.1 and 8`);
  return make(value);
}
