import { DaybookError } from '../../../schemas/errors.ts'
import type {
  AuditLog,
  AuditLogOptions,
  AuditLogStatus,
  CountName,
  Emitted,
  EventCatalogue,
} from './audit-log.ts'
import { type AuditContext, runWithContext } from './context.ts'
import { Delivery } from './delivery/delivery.ts'
import { EmittedEvent } from './emitted.ts'
import { unhealthyReasons } from './health.ts'
import type { ProblemReporter } from './problems.ts'
import { Recorder } from './recorder.ts'
import type { FileSystem } from './spool/file-system.ts'
import type { Spool } from './spool/spool.ts'

const ALIVE_MS = 60_000
const LATELY_MS = 60_000
const DEFAULT_FLUSH_MS = 30_000
const DEFAULT_CLOSE_MS = 5_000
const CLIENT_ID = 'daybook-sdk'

export interface CoreOptions {
  readonly options: AuditLogOptions
  readonly producerId: string
  readonly spool: Spool
  readonly reporter: ProblemReporter
  readonly fs: FileSystem
  readonly now: () => number
}

/** Ties recorder and delivery together. */
export class AuditLogCore<C extends EventCatalogue> implements AuditLog<C> {
  readonly producerId: string
  readonly #o: CoreOptions
  readonly #counts: Record<CountName, number> = {
    spooled: 0,
    buffered: 0,
    refused: 0,
    degraded: 0,
    acknowledged: 0,
    rejected: 0,
    resent: 0,
    corrupt: 0,
  }
  readonly #recorder: Recorder
  readonly #delivery: Delivery
  readonly #wait: (sequence: number, timeoutMs: number) => Promise<void>
  readonly #starting: Promise<void>
  readonly #aliveTimer: NodeJS.Timeout
  #refusedAt = Number.NEGATIVE_INFINITY
  #closing: Promise<boolean> | null = null

  constructor(o: CoreOptions) {
    this.#o = o
    this.producerId = o.producerId
    const connection = o.options.transport.open({ clientId: CLIENT_ID })
    const delivery = new Delivery({ ...o, connection, counts: this.#counts })
    this.#delivery = delivery
    this.#recorder = new Recorder({ ...o, counts: this.#counts, clockOffsetMs: () => delivery.clock.ms })
    this.#wait = (sequence, timeoutMs) => delivery.wait(sequence, timeoutMs, false)
    this.#aliveTimer = setInterval(() => this.#alive(), ALIVE_MS)
    this.#aliveTimer.unref()
    this.#recordOwn('producer.started')
    this.#starting = delivery.start()
  }

  emit<A extends keyof C & string>(action: A, event: C[A]): Emitted {
    const recorded = this.#recorder.record(action, event)
    if (recorded.state === 'refused') this.#refusedAt = this.#o.now()
    else this.#sendSoon()
    return new EmittedEvent(recorded, this.#wait)
  }

  run<T>(context: AuditContext, fn: () => T): T {
    return runWithContext(context, fn)
  }

  status(): AuditLogStatus {
    const { spool } = this.#o
    const { lastError, clock } = this.#delivery
    const status = {
      producerId: this.producerId,
      lastSequence: this.#recorder.lastSequence,
      unacknowledged: this.#unacknowledged,
      stalledMs: this.#unacknowledged === 0 ? 0 : this.#o.now() - this.#delivery.progressAt,
      spool: {
        kind: spool.kind,
        bytes: spool.bytes,
        capBytes: spool.capBytes,
        memoryBytes: spool.backlog.memoryBytes,
        writable: spool.failure === null,
      },
      counts: { ...this.#counts },
      clockOffsetMs: clock.ms,
      lastError: lastError === null ? null : { code: lastError.code, message: lastError.message },
    }
    const refusedLately = this.#o.now() - this.#refusedAt < LATELY_MS
    const reasons = unhealthyReasons(status, { refusedLately, closed: this.#recorder.closed })
    return { ...status, healthy: reasons.length === 0, reasons }
  }

  assertHealthy(): void {
    const { healthy, reasons } = this.status()
    if (healthy) return
    throw new DaybookError('DAYBOOK_SDK_UNHEALTHY', `The audit log is not healthy: ${reasons.join('; ')}.`)
  }

  async flush(options?: { readonly timeoutMs?: number }): Promise<boolean> {
    try {
      await this.#delivery.wait(this.#recorder.lastSequence, options?.timeoutMs ?? DEFAULT_FLUSH_MS, true)
      return true
    } catch {
      return false
    }
  }

  close(options?: { readonly timeoutMs?: number }): Promise<boolean> {
    this.#closing ??= this.#close(options?.timeoutMs ?? DEFAULT_CLOSE_MS)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<boolean> {
    clearInterval(this.#aliveTimer)
    this.#recordOwn('producer.stopped')
    this.#recorder.closed = true
    await this.#starting
    await this.flush({ timeoutMs })
    await this.#delivery.stop()
    const drained = this.#delivery.isIdle
    await this.#o.spool.close(drained)
    return drained
  }

  get #unacknowledged(): number {
    return this.#recorder.lastSequence - this.#delivery.progress.settledCount
  }

  /** The clock of a stall starts when the first event waits. */
  #sendSoon(): void {
    if (this.#unacknowledged === 1) this.#delivery.progressAt = this.#o.now()
    this.#delivery.kick()
  }

  #alive(): void {
    this.#recordOwn('producer.alive')
    this.#delivery.adopt()
  }

  /** `last_sequence`: of the last event before this one. */
  #recordOwn(action: string): void {
    const { refused, rejected } = this.#counts
    this.#recorder.recordOwn(action, {
      last_sequence: String(this.#recorder.lastSequence),
      ...(refused > 0 ? { refused: String(refused) } : {}),
      ...(rejected > 0 ? { rejected: String(rejected) } : {}),
    })
    this.#sendSoon()
  }
}
