import { randomBytes } from 'node:crypto'
import type { EventRow } from '../insert/event-rows.ts'

const UUID_TEXT_BYTES = 36
export const ID_BYTES = 16
const ID_WORDS = ID_BYTES / 4

/**
 * The event ids of a delivery as numbers of 16 bytes, little-endian, as ClickHouse reads UInt128; and which rows
 * share an id with an earlier row. No JavaScript string per event.
 */
export class EventIds {
  readonly bytes: Buffer
  /** Row numbers that share their id with an earlier row, ascending. */
  readonly repeated: readonly number[]
  readonly #words: Int32Array
  /** Open addressing: row number + 1, 0 where free. */
  readonly #slots: Int32Array

  constructor(rows: readonly EventRow[]) {
    const words = new Int32Array(rows.length * ID_WORDS)
    this.#words = words
    this.#slots = new Int32Array(1 << Math.max(4, 32 - Math.clz32(rows.length * 2)))
    this.bytes = Buffer.from(words.buffer)
    for (const [index, { bytes, start }] of rows.entries())
      readUuid(bytes, start + 1, this.bytes, index * ID_BYTES)
    this.repeated = this.#findRepeated(rows.length)
  }

  /** A key for maps, for the few rows that need one. */
  key(row: number): string {
    return this.bytes.toString('latin1', row * ID_BYTES, (row + 1) * ID_BYTES)
  }

  /** Whether an id stands here and there. */
  sharesWith(other: EventIds): boolean {
    const words = other.#words
    for (let at = 0; at < words.length; at += ID_WORDS)
      if (this.#slots[this.#find(words, at)] !== 0) return true
    return false
  }

  /** The least and the greatest id, as numbers. There is at least one. */
  bounds(): { readonly least: bigint; readonly greatest: bigint } {
    const words = new Uint32Array(this.#words.buffer)
    let least = 0
    let greatest = 0
    for (let at = ID_WORDS; at < words.length; at += ID_WORDS) {
      if (isLess(words, at, least)) least = at
      else if (isLess(words, greatest, at)) greatest = at
    }
    return { least: numberAt(words, least), greatest: numberAt(words, greatest) }
  }

  /** Those of the ids that stand among others, each as often as there; both laid out like `bytes`. */
  among(others: Buffer): Buffer {
    const words = new Int32Array(new Uint8Array(others).buffer)
    const found: Buffer[] = []
    for (let at = 0; at < words.length; at += ID_WORDS) {
      const row = (this.#slots[this.#find(words, at)] ?? 0) - 1
      if (row >= 0) found.push(this.bytes.subarray(row * ID_BYTES, (row + 1) * ID_BYTES))
    }
    return Buffer.concat(found)
  }

  #findRepeated(count: number): number[] {
    const repeated: number[] = []
    for (let row = 0; row < count; row++) {
      const slot = this.#find(this.#words, row * ID_WORDS)
      if (this.#slots[slot] === 0) this.#slots[slot] = row + 1
      else repeated.push(row)
    }
    return repeated
  }

  /** The slot of the id at `at` in `words`, or the free one where it would stand. */
  #find(words: Int32Array, at: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    const held = this.#words
    let slot = hashOf(words, at) & mask
    for (;;) {
      const row = (slots[slot] ?? 0) - 1
      if (row < 0 || same(words, at, held, row * ID_WORDS)) return slot
      slot = (slot + 1) & mask
    }
  }
}

/** Nobody outside knows it: ids are the producer's choice, and those that it made collide would take hours. */
const SEED = randomBytes(4).readInt32LE()

function hashOf(words: Int32Array, at: number): number {
  let hash = SEED
  for (let word = 0; word < ID_WORDS; word++) {
    hash = Math.imul(hash ^ (words[at + word] ?? 0), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return hash
}

function isLess(words: Uint32Array, a: number, b: number): boolean {
  for (let word = ID_WORDS - 1; word > 0; word--) {
    const one = words[a + word] ?? 0
    const other = words[b + word] ?? 0
    if (one !== other) return one < other
  }
  return (words[a] ?? 0) < (words[b] ?? 0)
}

function numberAt(words: Uint32Array, at: number): bigint {
  let number = 0n
  for (let word = ID_WORDS - 1; word >= 0; word--) number = (number << 32n) | BigInt(words[at + word] ?? 0)
  return number
}

function same(a: Int32Array, i: number, b: Int32Array, j: number): boolean {
  return a[i] === b[j] && a[i + 1] === b[j + 1] && a[i + 2] === b[j + 2] && a[i + 3] === b[j + 3]
}

/** The id that `EventIds.key` gave, as text. */
export function uuidOf(key: string): string {
  const hex = Buffer.from(key, 'latin1').reverse().toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** A checked UUID text at `from`, last digit first, so that the bytes are little-endian. */
function readUuid(source: Buffer, from: number, target: Buffer, to: number): void {
  let at = to + ID_BYTES - 1
  for (let i = from; i < from + UUID_TEXT_BYTES; ) {
    const c = source[i] ?? 0
    if (c === 0x2d) {
      i++
      continue
    }
    target[at--] = (digit(c) << 4) | digit(source[i + 1] ?? 0)
    i += 2
  }
}

/** 0–9, a–f and A–F. */
function digit(c: number): number {
  return (c & 0x0f) + (c >> 6) * 9
}
