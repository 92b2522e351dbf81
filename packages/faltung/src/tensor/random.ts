/**
 * Seeded random numbers, the same bits on every machine, engine and number of threads.
 *
 * Two forms of one idea. A *stream* (xoshiro128**, Blackman & Vigna 2018) for work done in order: initialisation,
 * shuffling, splits. A *counter* hash (Squares-like, two rounds of PCG-RXS-M-XS, O'Neill 2014) for work done in any
 * order: dropout masks in compiled programs, where element i of step t must not depend on which thread makes it.
 */

/** One round of PCG's RXS-M-XS output permutation over an LCG step: a good 32 → 32 bit mixer in integer arithmetic. */
export function pcgHash(x: number): number {
  const state = (Math.imul(x, 747796405) + 2891336453) | 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737);
  return (word >>> 22) ^ word;
}

/** 32 random bits for element `index` of stream `seed`, independent of order. The WASM kernel computes the same. */
export function counterBits(seed: number, index: number): number {
  return pcgHash(pcgHash(index ^ pcgHash(seed)) + seed) >>> 0;
}

/** Uniform in [0, 1) with 24 bits, exactly representable in float32. */
export function counterUniform(seed: number, index: number): number {
  return (counterBits(seed, index) >>> 8) * 2 ** -24;
}

/** The four words of a generator's state; plain data, kept in checkpoints. */
export type RandomState = readonly [number, number, number, number];

/**
 * A seeded stream of random numbers (xoshiro128**).
 *
 * @example
 * ```ts
 * const random = new Random(42);
 * random.uniform(); // the same number on every machine
 * ```
 */
export class Random {
  #s: [number, number, number, number];

  /** @param seed any number; its low 53 bits are used. Or a saved state. */
  constructor(seed: number | RandomState) {
    if (typeof seed === "number") {
      const low = seed >>> 0;
      const high = Math.floor(seed / 2 ** 32) >>> 0;
      const word = (i: number): number => counterBits(pcgHash(high) ^ low, i) | 0;
      this.#s = [word(0), word(1), word(2), word(3) | 1]; // not all zero
    } else {
      this.#s = [...seed];
    }
  }

  get state(): RandomState {
    return [...this.#s];
  }

  /** 32 random bits as an unsigned integer. */
  bits(): number {
    const s = this.#s;
    const rotl = (x: number, k: number): number => (x << k) | (x >>> (32 - k));
    const result = Math.imul(rotl(Math.imul(s[1], 5), 7), 9);
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 11);
    return result >>> 0;
  }

  /** Uniform in [low, high), 24 bits. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * ((this.bits() >>> 8) * 2 ** -24);
  }

  /** Standard normal (Box–Muller, one of the pair, so that the state stays four words). */
  normal(mean = 0, std = 1): number {
    const u = 1 - this.uniform();
    return mean + std * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A whole number in [0, n), without bias (rejection). */
  below(n: number): number {
    const limit = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const bits = this.bits();
      if (bits < limit) return bits % n;
    }
  }

  /** Fisher–Yates, in place. */
  shuffle<T extends { length: number; [i: number]: unknown }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const t = items[i];
      items[i] = items[j];
      items[j] = t;
    }
    return items;
  }
}
