/** A seeded generator of numbers: the same seed gives the same events on every machine. */
export interface Random {
  /** An integer from 0 to `below` - 1. */
  int(below: number): number
  /** True in `percent` of 100 calls. */
  chance(percent: number): boolean
  pick<T>(items: readonly [T, ...T[]]): T
  /** Lower-case hexadecimal digits. */
  hex(digits: number): string
}

const FOUR_DIGITS = Array.from({ length: 0x10000 }, (_, i) => i.toString(16).padStart(4, '0'))

/** Mulberry32, a 32-bit generator that is good enough for test data. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
  const int = (below: number) => next() % below
  return {
    int,
    chance: (percent) => int(100) < percent,
    pick: (items) => items[int(items.length)] ?? items[0],
    hex: (digits) => {
      let text = ''
      for (let left = digits; left > 0; left -= 4) text += FOUR_DIGITS[next() & 0xffff]
      return text.length === digits ? text : text.slice(0, digits)
    },
  }
}
