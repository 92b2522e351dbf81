import fc from "fast-check";
import { expect, test } from "vitest";
import { type Block, align, place } from "./arena.ts";

const block = (bytes: number, first: number, last: number): Block => ({ bytes, first, last, address: -1 });

test("blocks alive at once never share a byte; every address is aligned and at or above the base", () => {
  const any = fc
    .record({
      bytes: fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 100_000 })),
      first: fc.nat(20),
      length: fc.nat(8),
    })
    .map(({ bytes, first, length }) => block(bytes, first, first + length));
  fc.assert(
    fc.property(fc.array(any, { maxLength: 30 }), fc.nat(5), (blocks, seed) => {
      const together = blocks.map((b, i) => [b, blocks[(i * 7 + seed) % blocks.length]]);
      const end = place(blocks, 1024, together);
      for (const a of blocks) {
        expect(a.address % 64).toBe(0);
        expect(a.address).toBeGreaterThanOrEqual(1024);
        expect(a.address + a.bytes).toBeLessThanOrEqual(Math.max(end, 1024));
        for (const b of blocks) {
          if (a === b || a.last < b.first || b.last < a.first || a.bytes === 0 || b.bytes === 0) continue;
          expect(a.address + a.bytes <= b.address || b.address + b.bytes <= a.address).toBe(true);
        }
      }
    }),
  );
});

test("a chain of equal blocks takes the memory of two", () => {
  const chain = Array.from({ length: 10 }, (_, i) => block(6400, i, i + 1));
  expect(place(chain, 0)).toBe(2 * 6400);
});

test("small blocks go into the smallest gap that holds them", () => {
  const early = [block(640, 0, 0), block(1280, 0, 1), block(256, 0, 0), block(320, 0, 1), block(200, 0, 1)];
  const late = block(192, 1, 1);
  place([...early, late], 0);
  expect(late.address).toBe(early[2].address);
});

test("large blocks of one kernel start at different places of the 4 KiB page", () => {
  const blocks = Array.from({ length: 4 }, () => block(1 << 16, 0, 3));
  place(blocks, 0, [blocks]);
  const starts = blocks.map((b) => b.address % 4096);
  for (const a of starts) expect(starts.filter((b) => Math.abs(a - b) < 256)).toHaveLength(1);
});

test("align rounds up", () => {
  expect([align(0), align(1), align(64), align(65), align(5, 16)]).toEqual([0, 64, 64, 128, 16]);
});
