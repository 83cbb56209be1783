/** Random numbers that a seed repeats (mulberry32). */
export class RandomSource {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 to `below` - 1. */
  int(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.int(times) === 0
  }

  pick<T>(items: readonly T[]): T {
    const picked = items[this.int(items.length)]
    if (picked === undefined) throw new RangeError('nothing to pick from')
    return picked
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.int(256)))
  }

  /** Cuts at up to `cuts` random places; the pieces together are the whole, some may be empty. */
  pieces(whole: Buffer, cuts: number): Buffer[] {
    const places = Array.from({ length: this.int(cuts + 1) }, () => this.int(whole.length + 1))
    const ends = [...places.toSorted((a, b) => a - b), whole.length]
    return ends.map((end, i) => whole.subarray(ends[i - 1] ?? 0, end))
  }
}
