/** Signal processing: convolution and correlation of arrays (scipy.signal's rules) and of functions (the integral). */
export { type NestedNumbers, type Signal, type SignalLike, reverseConjugate, signal, toNested } from "./array.ts";
export {
  type Curve,
  type IntegralKind,
  box,
  decay,
  gaussian,
  integralAt,
  integralSupport,
  integrateProduct,
  placed,
  polyline,
  ramp,
  sawtooth,
  sineBurst,
  slid,
  triangle,
} from "./continuous.ts";
export {
  type ConvolveMethod,
  type ConvolveOptions,
  type OverlapMode,
  autocorrelate,
  convolve,
  correlate,
} from "./convolve.ts";
export { fft, powerOfTwo } from "./fft.ts";
