/**
 * Weights in files of their own, next to the model: https://onnx.ai/onnx/repo-docs/ExternalData.html
 * A model is an untrusted file, so the only names that are followed are those inside its own folder.
 */
import { FormatError } from "../../tensor/errors.ts";

/** Gives the bytes of a file in the model's folder, by its path relative to it (with `/`). */
export type ExternalReader = (location: string) => Uint8Array;

/** @throws FormatError unless it is a plain relative path that stays inside */
export function checkLocation(location: string, what: string): void {
  const parts = location.split("/");
  const plain =
    location !== "" &&
    !/[\\\0:]/.test(location) && // a drive, a scheme, a Windows path, an end of string
    parts.every((part) => part !== "" && part !== "." && part !== "..");
  if (!plain) {
    throw new FormatError(
      `${what} names the external file ${JSON.stringify(location)}; only files inside the model's own folder are read.`,
    );
  }
}

/** The bytes of a tensor in an external file. @throws FormatError */
export function readExternal(
  entries: ReadonlyMap<string, string>,
  needed: number,
  reader: ExternalReader | undefined,
  what: string,
): Uint8Array {
  const location = entries.get("location") ?? "";
  checkLocation(location, what);
  const whole = (key: string, fallback: number): number => {
    const text = entries.get(key);
    if (text === undefined) return fallback;
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
      throw new FormatError(
        `${what}: ${key} of its external data is ${JSON.stringify(text)}; it must be a whole number.`,
      );
    }
    return value;
  };
  const offset = whole("offset", 0);
  const length = whole("length", needed);
  if (reader === undefined) {
    throw new FormatError(
      `${what} has its data in the file ${JSON.stringify(location)}. ` +
        `Read the model with readOnnx(path), or give importOnnx the option external: (name) => bytes.`,
    );
  }
  const bytes = reader(location);
  if (offset + length > bytes.length) {
    throw new FormatError(
      `${what}: bytes ${offset} to ${offset + length} of ${JSON.stringify(location)} were asked for; it has ${bytes.length}.`,
    );
  }
  return bytes.subarray(offset, offset + length);
}
