import { backoffMs } from '../../../../runtime/backoff.ts'
import type { Entry } from '../spool/entry.ts'
import { Fifo } from '../spool/fifo.ts'
import type { Connection, SendOutcome } from './transport.ts'

/** Fixed part of a record in a Kafka batch that our byte count must allow for. */
const RECORD_OVERHEAD_BYTES = 32
const BACKOFF = { baseDelayMs: 50, maxDelayMs: 5_000 } as const

export interface LaneOptions {
  readonly index: number
  readonly connection: Connection
  readonly onOutcome: (batch: readonly Entry[], outcome: SendOutcome) => void
}

/** One ordered stream of events to the broker: one batch is on its way at a time, until it is acknowledged. */
export class Lane {
  readonly #o: LaneOptions
  readonly #queue = new Fifo<Entry>()
  #running = false
  #stopped = false
  #wake: (() => void) | null = null

  constructor(options: LaneOptions) {
    this.#o = options
  }

  push(entry: Entry): void {
    this.#queue.push(entry)
  }

  /** Sends what waits, unless a send is under way; that one goes on with what came meanwhile. */
  run(): void {
    if (this.#running || this.#stopped || this.#queue.length === 0) return
    this.#running = true
    void this.#drain()
  }

  /** No further attempt begins. */
  stop(): void {
    this.#stopped = true
    this.#wake?.()
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stopped) await this.#deliver(this.#nextBatch())
    this.#running = false // In the same turn as the look at the queue, or a push in between would be overlooked.
  }

  async #deliver(batch: readonly Entry[]): Promise<void> {
    for (let attempt = 0; !this.#stopped; attempt++) {
      const outcome = await this.#o.connection.send(this.#o.index, batch)
      this.#o.onOutcome(batch, outcome)
      if (outcome.kind === 'acknowledged') return
      await this.#pause(attempt)
    }
  }

  #nextBatch(): Entry[] {
    const { maxBatchBytes, maxBatchRecords } = this.#o.connection
    const batch: Entry[] = []
    let bytes = 0
    for (let entry = this.#queue.first; entry !== undefined; entry = this.#queue.first) {
      bytes += entry.value.length + RECORD_OVERHEAD_BYTES
      if (batch.length > 0 && (bytes > maxBatchBytes || batch.length >= maxBatchRecords)) break
      batch.push(entry)
      this.#queue.shift()
    }
    return batch
  }

  #pause(attempt: number): Promise<void> {
    const ms = backoffMs(attempt + 1, BACKOFF)
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      timer.unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
