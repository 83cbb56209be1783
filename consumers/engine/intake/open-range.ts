import type { CheckedRecord, Gap, PartitionRef, Range, SourceRecord } from '../contracts.ts'
import { appendGap, gapsBeyond, totalBytes } from '../range.ts'

/** The range of one partition that still grows. Covers `first`..`next - 1` without a hole. */
export class OpenRange {
  readonly #partition: PartitionRef
  #first: bigint
  #next: bigint
  #records: CheckedRecord[] = []
  #gaps: Gap[] = []
  #bytes = 0

  constructor(partition: PartitionRef, first: bigint) {
    this.#partition = partition
    this.#first = first
    this.#next = first
  }

  /** The offset that must be added next. */
  get next(): bigint {
    return this.#next
  }

  get rows(): number {
    return this.#records.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Null while there is none. */
  get firstRecord(): SourceRecord | null {
    return this.#records[0]?.record ?? null
  }

  recordAt(offset: bigint): CheckedRecord | undefined {
    return this.#records.find((checked) => checked.record.offset === offset)
  }

  addRecord(checked: CheckedRecord): void {
    this.#expect(checked.record.offset)
    this.#records.push(checked)
    this.#bytes += checked.record.size
    this.#next = checked.record.offset + 1n
  }

  addGap(gap: Gap): void {
    this.#expect(gap.first)
    appendGap(this.#gaps, gap)
    this.#next = gap.last + 1n
  }

  /**
   * Closes the range at its last record. Gaps behind that record stay here, to be listed by the next range: a range
   * never ends in gaps. Null while there is no record.
   */
  cut(): Range | null {
    const last = this.#records.at(-1)?.record.offset
    if (last === undefined) return null
    const range: Range = {
      partition: this.#partition,
      first: this.#first,
      last,
      records: this.#records,
      gaps: this.#gaps.filter((gap) => gap.last < last),
      bytes: this.#bytes,
    }
    this.#gaps = this.#gaps.filter((gap) => gap.first > last)
    this.#records = []
    this.#bytes = 0
    this.#first = last + 1n
    return range
  }

  /** Forgets what the store holds already. Returns the bytes that this set free. */
  dropThrough(held: bigint): number {
    if (held < this.#first) return 0
    const before = this.#bytes
    this.#records = this.#records.filter((checked) => checked.record.offset > held)
    this.#gaps = gapsBeyond(this.#gaps, held)
    this.#bytes = totalBytes(this.#records)
    this.#first = held + 1n
    if (this.#next <= held) this.#next = held + 1n
    return before - this.#bytes
  }

  #expect(offset: bigint): void {
    if (offset !== this.#next) throw new RangeError(`offset ${offset} added where ${this.#next} is next`)
  }
}
