import type { Backlog } from '../spool/backlog.ts'
import type { Entry, Marker, Span } from '../spool/entry.ts'
import { Fifo } from '../spool/fifo.ts'
import type { SpanReader } from '../spool/span-reader.ts'
import { Lane } from './lane.ts'
import type { Connection, SendOutcome } from './transport.ts'

const READ_BYTES = 512 * 1024
const READ_RETRY_MS = 1_000
const READ_ATTEMPTS = 5

export interface DispatcherOptions {
  readonly backlog: Backlog
  readonly connection: Connection
  readonly reader: SpanReader
  readonly onOutcome: (batch: readonly Entry[], outcome: SendOutcome) => void
  /** Acknowledged, or rejected for good (`entry.rejected`). */
  readonly onSettled: (entry: Entry) => void
  /** This process's events up to that sequence number are settled, all of them. */
  readonly onPassed: (sequence: number) => void
  /** A file could not be read, again and again; what it held of `span` is not sent. */
  readonly onUnreadable: (span: Span, error: unknown) => void
}

/** Moves events from the backlog to the lanes, in order, and remembers what is settled. */
export class Dispatcher {
  readonly #o: DispatcherOptions
  readonly #lanes: Lane[]
  /** Everything dispatched and not yet passed, in order. */
  readonly #dispatched = new Fifo<Entry | Marker>()
  #dispatchedBytes = 0
  #reading = false
  #scheduled = false
  #running = false

  constructor(options: DispatcherOptions) {
    this.#o = options
    const { connection } = options
    const onOutcome = (batch: readonly Entry[], outcome: SendOutcome) => this.#outcome(batch, outcome)
    this.#lanes = Array.from(
      { length: connection.lanes },
      (_, index) => new Lane({ index, connection, onOutcome }),
    )
  }

  /** Nothing waits and nothing is on its way. */
  get isIdle(): boolean {
    return this.#o.backlog.isEmpty && this.#dispatched.length === 0 && !this.#reading
  }

  start(): void {
    this.#running = true
    this.kick()
  }

  /** Nothing new is sent; what is on its way may still be settled. */
  stop(): void {
    this.#running = false
    for (const lane of this.#lanes) lane.stop()
  }

  /** There is something to send. Cheap; the work is done after the current turn, so one batch takes a whole turn's events. */
  kick(): void {
    if (this.#scheduled || !this.#running) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#fill()
    })
  }

  /** True when the event of this process with that sequence number is settled, or false while it is not. */
  isSettled(sequence: number): boolean {
    for (const item of this.#dispatched) {
      if (item.kind === 'entry' && item.own && item.sequence === sequence) return item.settled
    }
    return false
  }

  #fill(): void {
    const { backlog } = this.#o
    while (this.#running && !this.#reading) {
      const item = backlog.first
      if (item === undefined) break
      if (item.kind === 'span') {
        // Half of the window is on its way, the other half may be read: memory stays within it.
        if (this.#dispatchedBytes > backlog.windowBytes / 2) break
        this.#reading = true
        void this.#readBack(item)
        break
      }
      backlog.shift()
      if (item.kind === 'marker') this.#dispatched.push(item)
      else this.#dispatch(item)
    }
    this.#advance()
    for (const lane of this.#lanes) lane.run()
  }

  #dispatch(entry: Entry): void {
    this.#dispatched.push(entry)
    this.#dispatchedBytes += entry.bytes
    this.#lanes[(entry.key[0] ?? 0) % this.#lanes.length]?.push(entry)
  }

  async #readBack(span: Span): Promise<void> {
    const { backlog } = this.#o
    for (let attempt = 1; ; attempt++) {
      try {
        const entries = await this.#o.reader.next(span, Math.min(READ_BYTES, backlog.windowBytes / 2))
        for (const entry of entries) {
          backlog.hold(entry)
          this.#dispatch(entry)
        }
        break
      } catch (error) {
        if (attempt >= READ_ATTEMPTS) {
          this.#o.onUnreadable(span, error)
          span.from = span.to
          break
        }
        await new Promise((resolve) => setTimeout(resolve, READ_RETRY_MS).unref())
      }
    }
    // The span may have grown while it was read; it leaves the queue in the turn that finds it empty.
    if (span.from >= span.to) backlog.shift()
    this.#reading = false
    this.#fill()
  }

  #outcome(batch: readonly Entry[], outcome: SendOutcome): void {
    if (outcome.kind === 'acknowledged') {
      for (const { entry, error } of outcome.rejected) entry.rejected = error
      for (const entry of batch) this.#settle(entry)
      this.#advance()
    }
    this.#o.onOutcome(batch, outcome)
    if (outcome.kind === 'acknowledged' && !this.#o.backlog.isEmpty) this.kick()
  }

  #settle(entry: Entry): void {
    entry.settled = true
    this.#dispatchedBytes -= entry.bytes
    this.#o.backlog.release(entry)
    this.#o.onSettled(entry)
  }

  /** Passes everything at the front that is settled, and notes on disk how far that is. */
  #advance(): void {
    let last: Entry | null = null
    let passed = 0
    for (let item = this.#dispatched.first; item?.settled === true; item = this.#dispatched.first) {
      this.#dispatched.shift()
      if (item.kind === 'marker') {
        item.pass()
        last = null
        continue
      }
      if (item.own) passed = item.sequence
      if (item.segment !== null) last = item
    }
    if (passed > 0) this.#o.onPassed(passed)
    if (last?.segment) last.segment.owner.settledThrough(last.segment, last.end)
  }
}
