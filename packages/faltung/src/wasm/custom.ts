import { ByteWriter } from "./writer.ts";

/** A module with one more custom section at its end: bytes that engines ignore. */
export function withCustom(module: Uint8Array<ArrayBuffer>, name: string, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const section = new ByteWriter(bytes.length + name.length + 8);
  section.name(name);
  section.raw(bytes);
  const w = new ByteWriter(module.length + section.length + 8);
  w.raw(module);
  w.u8(0);
  w.sized(section.view());
  return w.view().slice();
}
