import { Arena } from './arena.ts'
import { Backlog } from './backlog.ts'
import { recordBytes, type SpoolRecord, writeRecord } from './record.ts'
import type { AppendOutcome, Spool } from './spool.ts'

/** No disk: kill -9 loses what is unsent. */
export class MemorySpool implements Spool {
  readonly kind = 'memory'
  readonly backlog: Backlog
  readonly capBytes: number
  readonly failure = null
  readonly #arena = new Arena()
  readonly #schema: string

  constructor(options: { capBytes: number; schema: string }) {
    this.capBytes = options.capBytes
    this.#schema = options.schema
    this.backlog = new Backlog({ windowBytes: Number.POSITIVE_INFINITY })
  }

  get bytes(): number {
    return this.backlog.memoryBytes
  }

  append(record: SpoolRecord): AppendOutcome {
    const bytes = recordBytes(record.retention, record.value)
    if (this.bytes + bytes > this.capBytes) return 'refused'
    const kept = writeRecord(this.#arena.take(bytes), this.#arena.at, record)
    this.backlog.push({
      kind: 'entry',
      ...kept,
      schema: this.#schema,
      bytes,
      segment: null,
      end: 0,
      own: true,
      settled: false,
      rejected: null,
    })
    return 'buffered'
  }

  adopt(): Promise<readonly []> {
    return Promise.resolve([])
  }

  setAside(): Promise<null> {
    return Promise.resolve(null)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
