/** Storages: the blocks of the arena, and what each is for. */
import type { Block } from "./arena.ts";
import type { MemoryUse } from "./program.ts";

export interface Storage extends Block {
  readonly use: MemoryUse;
  readonly label: string;
  first: number;
  last: number;
}

export function storage(use: MemoryUse, bytes: number, label: string): Storage {
  return { use, bytes, label, address: 0, first: Infinity, last: -Infinity };
}
