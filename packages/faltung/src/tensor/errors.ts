/**
 * The errors that Faltung throws. Each is typed, and its message says what was given, what was expected
 * and how to mend it, from the very variables that the check used.
 */

/** Base of every error thrown on purpose. `code` is stable and meant for programs; the message is for people. */
export class FaltungError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Shapes, dtypes or attributes do not fit together. */
export class ShapeError extends FaltungError {
  constructor(message: string) {
    super("shape", message);
  }
}

/** An option has a value that it cannot have. */
export class OptionError extends FaltungError {
  constructor(message: string) {
    super("option", message);
  }
}

/** A file or byte string is not what it claims to be. */
export class FormatError extends FaltungError {
  constructor(message: string, options?: ErrorOptions) {
    super("format", message, options);
  }
}

/** The data set cannot be used: no pictures, one class, labels out of range, … */
export class DataError extends FaltungError {
  constructor(message: string, options?: ErrorOptions) {
    super("data", message, options);
  }
}

/** A number that had to be finite is not. */
export class NumericError extends FaltungError {
  constructor(message: string) {
    super("numeric", message);
  }
}

/** The platform lacks something (threads, memory, a feature), or refuses it. */
export class PlatformError extends FaltungError {
  constructor(message: string, options?: ErrorOptions) {
    super("platform", message, options);
  }
}

/** @throws OptionError unless low ≤ value ≤ high (NaN is refused). */
export function checkRange(what: string, value: number, low: number, high: number = Infinity): void {
  if (!(value >= low && value <= high) || !Number.isFinite(value)) throw outOfRange(what, value, "number", low, high);
}

/** @throws OptionError unless value is a whole number and low ≤ value ≤ high. */
export function checkWhole(what: string, value: number, low: number = 1, high: number = Infinity): void {
  if (!(value >= low && value <= high) || !Number.isSafeInteger(value)) {
    throw outOfRange(what, value, "whole number", low, high);
  }
}

function outOfRange(what: string, value: number, kind: string, low: number, high: number): OptionError {
  return new OptionError(
    `${what} is ${value}; expected a ${kind} ${high === Infinity ? `≥ ${low}` : `from ${low} to ${high}`}.`,
  );
}

/** @throws OptionError unless value is one of the choices. */
export function checkChoice<T extends string>(what: string, value: T, choices: readonly T[]): void {
  if (choices.includes(value)) return;
  throw new OptionError(`${what} is ${JSON.stringify(value)}; expected one of ${choices.join(", ")}.`);
}
