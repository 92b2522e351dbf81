/**
 * What is wrong with a picture that libvips refused. libvips keeps its complaints in one list for the whole process, so
 * where several pictures are decoded at a time its words may be about another one: the bytes are looked at here.
 */
import { crc32 } from "node:zlib";

interface Format {
  readonly magic: readonly number[];
  /** What is wrong, as far as a look at the form of the file tells; undefined: the fault is somewhere inside. */
  readonly fault: (bytes: Buffer) => string | undefined;
}

const CUT_SHORT = "it is cut short";

const FORMATS: readonly Format[] = [
  { magic: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], fault: pngFault },
  { magic: [0xff, 0xd8], fault: (jpeg) => (endsWith(jpeg, 0xff, 0xd9) ? undefined : CUT_SHORT) },
  { magic: [0x47, 0x49, 0x46, 0x38], fault: (gif) => (endsWith(gif, 0x3b) ? undefined : CUT_SHORT) },
  // RIFF: its length counts from behind itself
  {
    magic: [0x52, 0x49, 0x46, 0x46],
    fault: (webp) => (webp.length < 12 || webp.readUInt32LE(4) + 8 > webp.length ? CUT_SHORT : undefined),
  },
];

/** The fault in words, or undefined if the bytes do not begin like a picture that we read. */
export function diagnose(bytes: Uint8Array): string | undefined {
  const format = FORMATS.find(({ magic }) => magic.every((byte, i) => bytes[i] === byte));
  if (format === undefined) return undefined;
  const fault = format.fault(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return fault ?? "it is damaged";
}

/** Zeros behind the end do no harm; some cameras leave them there. */
function endsWith(bytes: Buffer, ...end: readonly number[]): boolean {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return end.every((byte, i) => bytes[length - end.length + i] === byte);
}

/** PNG (RFC 2083): chunks of length, type, data and check sum, from IHDR to IEND. */
function pngFault(bytes: Buffer): string | undefined {
  for (let at = 8; ;) {
    if (at + 12 > bytes.length) return CUT_SHORT;
    const end = at + 8 + bytes.readUInt32BE(at);
    if (end + 4 > bytes.length) return CUT_SHORT;
    const type = bytes.toString("latin1", at + 4, at + 8);
    if (crc32(bytes.subarray(at + 4, end)) !== bytes.readUInt32BE(end)) {
      return /^[A-Za-z]{4}$/.test(type) ? `it is damaged: the check sum of its ${type} chunk is wrong` : undefined;
    }
    if (type === "IEND") return undefined;
    at = end + 4;
  }
}
