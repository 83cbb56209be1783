import { SourceRecord } from '../../engine/source-record.ts'

/** Header values in order of appearance; a name may occur more than once. */
export type RecordHeaders = readonly (readonly [name: string, value: Buffer | null])[]

export interface FetchedRecord extends SourceRecord {
  /** Only where `withHeaders` asked for them. */
  readonly headers?: RecordHeaders
}

/** What the records of one batch have in common. */
export interface BatchFacts {
  readonly base: bigint
  readonly lastDelta: number
  readonly count: number
  /** Of the batch: append time, or the time that records count from. */
  readonly time: bigint
  readonly isAppendTime: boolean
  readonly withHeaders: boolean
}

/** Where records go, in offset order. */
export interface RecordTarget {
  add(record: FetchedRecord): void
  /** The lowest offset that is still wanted. */
  readonly next: bigint
}

/** No body is as long: what is read from here on is zero, and no record ends here. */
const BEYOND = 0x4000_0000
/** Of the doubles at or below 2^63 - 1 the largest. */
const LATEST_TIME = 2 ** 63 - 1024

/**
 * Reads the records of a batch, which fill `body` from `start` to `end` exactly, as Kafka's Java client does.
 * Returns what is wrong with them, null for nothing; then the target has got records of a batch that is not to be used.
 * A record's offset must be greater than that of the record before it and within its batch. The Java client would leave
 * out what is not, or what follows in other batches: here nothing is left out silently.
 */
export function readRecords(
  target: RecordTarget,
  body: Buffer,
  start: number,
  end: number,
  facts: BatchFacts,
): string | null {
  const { base, lastDelta, count } = facts
  const cursor = new Cursor(body, start)
  const clock = facts.isAppendTime ? null : new ProducerClock(facts.time)
  const appendTime = toTime(facts.time)
  let next = target.next
  let previous = -1
  for (let i = 0; i < count; i++) {
    const size = cursor.varint()
    const recordEnd = cursor.at + size
    if (size < 0 || recordEnd > end) return `record ${i} of ${count} reaches beyond the batch`
    cursor.at += 1
    const time = clock === null ? cursor.skipVarlong(appendTime) : clock.at(cursor)
    const delta = cursor.varint()
    const keyEnd = cursor.skipBytes()
    const keyStart = cursor.start
    const valueEnd = cursor.skipBytes()
    const valueStart = cursor.start
    const headersAt = cursor.at
    cursor.skipHeaders(recordEnd)
    if (cursor.at !== recordEnd) return `record ${i} of ${count} is not as long as it says`
    if (delta <= previous || delta > lastDelta)
      return `record ${i} has offset delta ${delta} after ${previous}`
    previous = delta
    const offset = base + BigInt(delta)
    if (offset < next) continue
    const record = new SourceRecord(
      offset,
      time,
      body,
      keyStart,
      keyEnd,
      valueStart,
      valueEnd,
      null,
      clock !== null,
    )
    target.add(facts.withHeaders ? withHeaders(record, headersAt) : record)
    next = offset + 1n
  }
  return count === 0 || cursor.at === end ? null : `bytes remain after ${count} records`
}

/** Milliseconds as a double. Times that a double cannot tell apart (beyond the year 287,000) are rounded. */
export function toTime(milliseconds: bigint): number {
  return Math.min(Number(milliseconds), LATEST_TIME)
}

/** Times of records that count from their batch's, in 64 bits that wrap around. */
class ProducerClock {
  readonly #base: bigint
  /** NaN where a double would not be exact. */
  readonly #fastBase: number

  constructor(base: bigint) {
    this.#base = base
    this.#fastBase = Number.isSafeInteger(Number(base)) ? Number(base) : Number.NaN
  }

  at(cursor: Cursor): number {
    const start = cursor.at
    const time = this.#fastBase + cursor.varlong()
    if (!Number.isNaN(time)) return time
    cursor.at = start
    return toTime(BigInt.asIntN(64, this.#base + cursor.bigVarlong()))
  }
}

/** Ours have about ten; a small compressed batch may claim millions. What is beyond is not read. */
const MAX_HEADERS = 64

function withHeaders(record: SourceRecord, at: number): FetchedRecord {
  const cursor = new Cursor(record.bytes, at)
  const headers: [string, Buffer | null][] = []
  for (let left = Math.min(cursor.varint(), MAX_HEADERS); left > 0; left--) {
    const name = cursor.takeBytes()?.toString('utf8') ?? ''
    headers.push([name, cursor.takeBytes()])
  }
  return Object.assign(record, { headers })
}

/**
 * Reads Kafka's zig-zag varints. What is malformed moves the position beyond every body, and reading there gives
 * zeros: callers need only check where they end.
 */
export class Cursor {
  readonly #bytes: Buffer
  at: number
  /** Where what `skipBytes` passed last begins, -1 for null. */
  start = -1

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  /** Of at most five bytes; bits beyond 32 are dropped. */
  varint(): number {
    let byte = this.#bytes[this.at++] ?? 0
    let raw = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 28) {
        this.at = BEYOND
        return 0
      }
      byte = this.#bytes[this.at++] ?? 0
      raw |= (byte & 0x7f) << shift
    }
    return (raw >>> 1) ^ -(raw & 1)
  }

  /** Passes bytes with their length in front, null where that is negative. Leaves their `start`; gives their end. */
  skipBytes(): number {
    const bytes = this.varint()
    this.start = bytes < 0 ? -1 : this.at
    if (bytes > 0) this.at += bytes
    return bytes < 0 ? -1 : this.at
  }

  /** A view; null where the length is negative. */
  takeBytes(): Buffer | null {
    const end = this.skipBytes()
    return end < 0 ? null : this.#bytes.subarray(this.start, end)
  }

  /** Passes a record's headers, which lie before `end`. */
  skipHeaders(end: number): void {
    let left = this.varint()
    for (; left > 0 && this.at < end; left--) {
      const nameBytes = this.varint()
      if (nameBytes < 0) break
      this.at += nameBytes
      this.skipBytes()
    }
    if (left !== 0) this.at = BEYOND
  }

  /** NaN where the number may be beyond what a double holds. */
  varlong(): number {
    let raw = 0
    for (let scale = 1; scale < 2 ** 49; scale *= 128) {
      const byte = this.#bytes[this.at++] ?? 0
      raw += (byte & 0x7f) * scale
      if (byte < 0x80) return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
    }
    return Number.NaN
  }

  bigVarlong(): bigint {
    let raw = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.at++] ?? 0
      raw |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, (BigInt.asUintN(64, raw) >> 1n) ^ -(raw & 1n))
    }
    this.at = BEYOND
    return 0n
  }

  /** Passes a varlong, of at most ten bytes; gives back what it is given. */
  skipVarlong(value: number): number {
    const last = this.at + 9
    while ((this.#bytes[this.at++] ?? 0) >= 0x80) {
      if (this.at > last) {
        this.at = BEYOND
        break
      }
    }
    return value
  }
}
