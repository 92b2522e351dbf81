/** Bytes that can be read from any place: a file, a range of a download, or memory. */

export interface Source {
  /** Bytes in all. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`; only ever asked for ranges inside `size`. */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
}

/** Bytes in memory as a source. */
export function bytesSource(bytes: Uint8Array): Source {
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

/** Pieces in one. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((n, piece) => n + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
