import type { EventRow } from './event-rows.ts'

const UUID_TEXT_BYTES = 36
const ID_BYTES = 16
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

  constructor(rows: readonly EventRow[]) {
    const words = new Int32Array(rows.length * ID_WORDS)
    this.#words = words
    this.bytes = Buffer.from(words.buffer)
    for (const [index, row] of rows.entries())
      readUuid(row.payload, row.payloadStart + 1, this.bytes, index * ID_BYTES)
    this.repeated = this.#findRepeated(rows.length)
  }

  /** A key for maps, for the few rows that need one. */
  key(row: number): string {
    return this.bytes.toString('latin1', row * ID_BYTES, (row + 1) * ID_BYTES)
  }

  #findRepeated(count: number): number[] {
    const size = 1 << Math.max(4, 32 - Math.clz32(count * 2))
    const slots = new Int32Array(size)
    const repeated: number[] = []
    const words = this.#words
    for (let row = 0; row < count; row++) {
      const at = row * ID_WORDS
      // The first two words are random in UUIDv7; time in the others breaks up what a bad generator repeats.
      let slot =
        (Math.imul((words[at] ?? 0) ^ (words[at + 2] ?? 0), 0x9e3779b1) ^ (words[at + 1] ?? 0)) & (size - 1)
      for (;;) {
        const other = (slots[slot] ?? 0) - 1
        if (other < 0) {
          slots[slot] = row + 1
          break
        }
        if (this.#same(row, other)) {
          repeated.push(row)
          break
        }
        slot = (slot + 1) & (size - 1)
      }
    }
    return repeated
  }

  #same(a: number, b: number): boolean {
    const words = this.#words
    const i = a * ID_WORDS
    const j = b * ID_WORDS
    return (
      words[i] === words[j] &&
      words[i + 1] === words[j + 1] &&
      words[i + 2] === words[j + 2] &&
      words[i + 3] === words[j + 3]
    )
  }
}

/** The text of an id as `EventIds.key` would give it. */
export function idKey(uuid: string): string {
  const bytes = Buffer.alloc(ID_BYTES)
  readUuid(Buffer.from(uuid, 'latin1'), 0, bytes, 0)
  return bytes.toString('latin1')
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
