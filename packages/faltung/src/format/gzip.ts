/**
 * gzip (RFC 1952), by the platform's DecompressionStream, with what that leaves open settled: engines differ on bytes
 * after the first member (Node reads on, browsers refuse), so here anything but exactly one member is refused.
 */
import { FormatError } from "../tensor/errors.ts";
import { joinBytes } from "./source.ts";

/** Whether the bytes begin like a gzip file. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Decompresses one gzip member.
 *
 * @param what how messages name the file
 * @param accept is shown the first bytes (at least 1,024 if there are as many) and the size that the file claims,
 *   before memory is taken for the rest; it throws if they do not fit
 * @throws FormatError if the file is cut short, damaged, or followed by anything
 */
export async function gunzip(
  bytes: Uint8Array,
  what: string,
  accept: (head: Uint8Array, size: number) => void = () => {},
): Promise<Uint8Array> {
  if (!isGzip(bytes)) throw new FormatError(`${what}: it does not begin like a gzip file.`);
  if (bytes.length < 18) throw new FormatError(`${what}: ${bytes.length} bytes are too few for gzip: it is cut short.`);
  const size = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0, true);
  const chunks: Uint8Array[] = [];
  let length = 0;
  let accepted = false;
  const check = (): void => {
    accepted = true;
    accept(joinBytes(chunks), size);
  };
  for await (const chunk of inflate(bytes, what)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > size) throw wrongSize(what, size);
    if (!accepted && length >= 1024) check();
  }
  if (length !== size) throw wrongSize(what, size);
  if (!accepted) check();
  return joinBytes(chunks);
}

function wrongSize(what: string, size: number): FormatError {
  return new FormatError(
    `${what}: the gzip data does not have the ${size} bytes that its last four bytes claim: ` +
      `it is cut short, or something follows it (a second member or other bytes). Compress it again in one piece.`,
  );
}

async function* inflate(bytes: Uint8Array, what: string): AsyncGenerator<Uint8Array, void, undefined> {
  const stream = new DecompressionStream("gzip");
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  // Both ends fail with the same error; it is reported once, by the reader.
  writer.write(bytes as Uint8Array<ArrayBuffer>).catch(() => {});
  writer.close().catch(() => {});
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown): never => {
        throw new FormatError(
          `${what}: the gzip data is damaged, cut short, or followed by other bytes (${message(cause)}).`,
          { cause },
        );
      });
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function message(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
