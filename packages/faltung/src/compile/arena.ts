/**
 * Places blocks of memory by lifetime: blocks that are never alive at once may share bytes. Largest first, each into the
 * smallest gap that holds it (best fit), which comes close to the least possible memory for networks' graphs.
 *
 * Large blocks used by one kernel do not start at the same place of a 4 KiB page: on x86 a load is taken to depend on an
 * earlier store with the same low 12 bits, which costs up to an order of magnitude when two streams run in step.
 */
import { ALIGNMENT } from "../backend/plan.ts";

/** A block to place, alive from stage `first` to stage `last`, both included. */
export interface Block {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  /** Set by {@link place}. */
  address: number;
}

const PAGE = 4096;
/** Blocks from this size on are kept apart modulo the page. */
const LARGE = 16384;
const APART = 320;

export function align(bytes: number, to: number = ALIGNMENT): number {
  return Math.ceil(bytes / to) * to;
}

/**
 * Gives each block an address ≥ `base`. @returns the end of the highest one.
 * @param together groups of blocks that one kernel walks at once.
 */
export function place(blocks: readonly Block[], base: number, together: readonly (readonly Block[])[] = []): number {
  const neighbours = neighboursOf(together);
  const order = blocks
    .map((block, index) => ({ block, index }))
    .sort((a, b) => b.block.bytes - a.block.bytes || a.block.first - b.block.first || a.index - b.index);
  const placed: Block[] = []; // by address
  const done = new Set<Block>();
  let end = base;
  for (const { block } of order) {
    if (block.bytes === 0) {
      block.address = base;
      continue;
    }
    const near = [...(neighbours.get(block) ?? [])].filter((other) => done.has(other));
    block.address = bestFit(block, placed, base, near);
    end = Math.max(end, block.address + block.bytes);
    placed.splice(firstBehind(placed, block.address), 0, block);
    done.add(block);
  }
  return end;
}

/** Places blocks that live for ever one after the other, in the order given. @returns the end of the last one. */
export function placeInOrder(
  blocks: readonly Block[],
  base: number,
  together: readonly (readonly Block[])[] = [],
): number {
  const neighbours = neighboursOf(together);
  const done = new Set<Block>();
  let end = align(base);
  for (const block of blocks) {
    block.address = startIn(
      end,
      Infinity,
      [...(neighbours.get(block) ?? [])].filter((other) => done.has(other)),
    );
    done.add(block);
    end = align(block.address + block.bytes);
  }
  return end;
}

/** `placed` is sorted by address; those of its blocks that are alive together with the new one may not overlap it. */
function bestFit(block: Block, placed: readonly Block[], base: number, near: readonly Block[]): number {
  const size = align(block.bytes);
  let best = -1;
  let smallest = Infinity;
  let free = base;
  for (let i = 0; i < placed.length; i++) {
    const other = placed[i];
    if (other.first > block.last || block.first > other.last) continue;
    const gap = other.address - free;
    if (gap >= size && gap < smallest) {
      smallest = gap;
      best = startIn(free, gap - size, near);
    }
    free = Math.max(free, align(other.address + other.bytes));
  }
  return best >= 0 ? best : startIn(free, Infinity, near);
}

/** Where a block at `address` belongs among blocks by address: behind those that start there too. */
function firstBehind(placed: readonly Block[], address: number): number {
  let [low, high] = [0, placed.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (placed[middle].address > address) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The first start from `from` on, at most `spare` bytes later, that keeps apart from the neighbours; else `from`. */
function startIn(from: number, spare: number, near: readonly Block[]): number {
  for (let shift = 0; shift <= spare && shift < PAGE; shift += APART) {
    if (near.every((other) => distance(from + shift, other.address) >= ALIGNMENT * 4)) return from + shift;
  }
  return from;
}

/** Distance of two addresses modulo the page. */
function distance(a: number, b: number): number {
  const d = Math.abs(a - b) % PAGE;
  return Math.min(d, PAGE - d);
}

function neighboursOf(together: readonly (readonly Block[])[]): Map<Block, Set<Block>> {
  const neighbours = new Map<Block, Set<Block>>();
  for (const group of together) {
    const large = group.filter((block) => block.bytes >= LARGE);
    for (const a of large) {
      const set = neighbours.get(a) ?? new Set();
      neighbours.set(a, set);
      for (const b of large) if (b !== a) set.add(b);
    }
  }
  return neighbours;
}
