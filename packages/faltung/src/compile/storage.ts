/** Storages: the blocks of the arena, and what each is for. */
import type { StateRole } from "../ops/op.ts";
import type { Block } from "./arena.ts";

/**
 * What a block is for. `prepared`: made from constants and states by an entry's preparation (packed weights), kept until
 * these change.
 */
export type MemoryUse = StateRole | "constant" | "input" | "output" | "prepared" | "temporary";

export interface Storage extends Block {
  readonly use: MemoryUse;
  readonly label: string;
  first: number;
  last: number;
}

export function storage(use: MemoryUse, bytes: number, label: string): Storage {
  return { use, bytes, label, address: 0, first: Infinity, last: -Infinity };
}
