import type {
  Gap,
  GapReason,
  LogBounds,
  PartitionRef,
  SourceBatch,
} from '../../../consumers/engine/contracts.ts'
import { SourceRecord } from '../../../consumers/engine/source-record.ts'

type Entry =
  | { readonly record: SourceRecord }
  | { readonly gap: Exclude<GapReason, 'lost_accepted'> }
  /** The log has lost what stood there, and says nothing. */
  | 'hole'

export type FakeFetch = Pick<SourceBatch, 'records' | 'gaps' | 'first' | 'last' | 'highWatermark'>

/** One partition's log: records, and offsets that hold none. Retention cuts it in front. */
export class FakeLog {
  readonly partition: PartitionRef
  readonly #entries: Entry[] = []
  #start = 0

  constructor(partition: PartitionRef) {
    this.partition = partition
  }

  get bounds(): LogBounds {
    const logEnd = BigInt(this.#entries.length)
    return { logStart: BigInt(this.#start), logEnd, readableEnd: logEnd }
  }

  /** Appends a record and returns its offset. */
  append(value: Buffer | null, appendTime: number, key: Buffer | null = null): bigint {
    const offset = BigInt(this.#entries.length)
    this.#entries.push({ record: SourceRecord.of({ offset, appendTime, key, value }) })
    return offset
  }

  appendGap(reason: Exclude<GapReason, 'lost_accepted'>): void {
    this.#entries.push({ gap: reason })
  }

  /** A record that is gone from the midst of the log. */
  appendHole(): void {
    this.#entries.push('hole')
  }

  /** Retention: offsets below `offset` are gone from Kafka. */
  truncateBefore(offset: bigint): void {
    this.#start = Math.max(this.#start, Number(offset))
  }

  /** An unclean leader: offsets from `offset` on are gone, and will be given out again. */
  truncateFrom(offset: bigint): void {
    this.#entries.length = Math.min(this.#entries.length, Number(offset))
  }

  /** What was ever appended at `offset`, lost or not. */
  recordAt(offset: bigint): SourceRecord | null {
    const entry = this.#entries[Number(offset)]
    return entry !== undefined && entry !== 'hole' && 'record' in entry ? entry.record : null
  }

  /** At every offset in `first`..`last` the log says that there is no record. */
  isGap(first: bigint, last: bigint): boolean {
    for (let offset = first; offset <= last; offset++) {
      if (this.recordAt(offset) !== null || this.isHole(offset)) return false
    }
    return true
  }

  isHole(offset: bigint): boolean {
    return this.#entries[Number(offset)] === 'hole'
  }

  /** The first record at or after `offset`; null where there is none. */
  nextRecord(offset: bigint): SourceRecord | null {
    for (let at = offset; at < this.bounds.logEnd; at++) {
      const record = this.recordAt(at)
      if (record !== null) return record
    }
    return null
  }

  /** Reads at most `max` offsets; null at the end of the log. Below the start it jumps there silently, as kafkajs does. */
  fetch(position: bigint, max: number): FakeFetch | null {
    const { logStart, logEnd } = this.bounds
    const first = position < logStart ? logStart : position
    if (first >= logEnd) return null
    const end = first + BigInt(max)
    const last = (end < logEnd ? end : logEnd) - 1n
    const records: SourceRecord[] = []
    const gaps: Gap[] = []
    for (let offset = first; offset <= last; offset++) {
      const entry = this.#entries[Number(offset)]
      if (entry === undefined) break
      if (entry === 'hole') continue
      if ('record' in entry) records.push(entry.record)
      else gaps.push({ first: offset, last: offset, reason: entry.gap })
    }
    return { records, gaps, first, last, highWatermark: logEnd }
  }
}
