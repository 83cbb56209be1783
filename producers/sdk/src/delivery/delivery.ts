import type { DaybookError } from '../../../../schemas/errors.ts'
import type { CountName } from '../audit-log.ts'
import type { ProblemReporter } from '../problems.ts'
import type { Entry, Span } from '../spool/entry.ts'
import type { FileSystem } from '../spool/file-system.ts'
import { type Damage, SpanReader } from '../spool/span-reader.ts'
import type { Spool } from '../spool/spool.ts'
import { ClockOffset } from './clock-offset.ts'
import { Dispatcher } from './dispatcher.ts'
import { Progress } from './progress.ts'
import type { Connection, Rejection, SendOutcome } from './transport.ts'

const CONDITIONS = [
  'DAYBOOK_SDK_BROKER_UNAVAILABLE',
  'DAYBOOK_SDK_BROKER_REFUSED',
  'DAYBOOK_SDK_REGISTRY_UNAVAILABLE',
  'DAYBOOK_SDK_REGISTRY_REFUSED',
] as const

export interface DeliveryOptions {
  readonly spool: Spool
  readonly connection: Connection
  readonly fs: FileSystem
  readonly reporter: ProblemReporter
  readonly counts: Record<CountName, number>
  readonly now: () => number
}

/** Sends what the spool holds through the transport, and reports the outcome. */
export class Delivery {
  readonly progress = new Progress()
  readonly clock = new ClockOffset()
  lastError: DaybookError | null = null
  /** When something was acknowledged last, or nothing waited. */
  progressAt: number
  readonly #o: DeliveryOptions
  readonly #dispatcher: Dispatcher
  #adopting: Promise<void> | null = null

  constructor(options: DeliveryOptions) {
    this.#o = options
    this.progressAt = options.now()
    this.#dispatcher = new Dispatcher({
      backlog: options.spool.backlog,
      connection: options.connection,
      reader: new SpanReader({ fs: options.fs, onDamage: (damage) => this.#damaged(damage) }),
      onOutcome: (batch, outcome) => this.#outcome(batch, outcome),
      onSettled: (entry) => this.#settled(entry),
      onPassed: (sequence) => this.progress.passedThrough(sequence),
      onUnreadable: (span, error) => this.#unreadable(span, error),
    })
  }

  /** What ended processes left goes first, then what this one emits. */
  async start(): Promise<void> {
    try {
      this.#o.spool.backlog.prepend(await this.#o.spool.adopt())
    } catch (cause) {
      this.#adoptionFailed(cause)
    }
    this.#dispatcher.start()
  }

  /** Takes over what processes left that ended since. */
  adopt(): void {
    this.#adopting ??= this.#o.spool
      .adopt()
      .then((items) => {
        this.#o.spool.backlog.append(items)
        this.#dispatcher.kick()
      })
      .catch((cause: unknown) => this.#adoptionFailed(cause))
      .finally(() => {
        this.#adopting = null
      })
  }

  kick(): void {
    this.#dispatcher.kick()
  }

  get isIdle(): boolean {
    return this.#dispatcher.isIdle
  }

  /** Of one event, or of all up to it (`through`). */
  wait(sequence: number, timeoutMs: number, through: boolean): Promise<void> {
    const settledNow = !through && this.#dispatcher.isSettled(sequence)
    return this.progress.wait({ sequence, through, timeoutMs, settledNow })
  }

  async stop(): Promise<void> {
    this.#dispatcher.stop()
    await this.#adopting
    await this.#o.connection.close()
    this.progress.end()
  }

  #outcome(batch: readonly Entry[], outcome: SendOutcome): void {
    if (outcome.kind === 'failed') {
      this.lastError = outcome.error
      this.#o.reporter.condition({
        code: outcome.error.code,
        message: outcome.error.message,
        cause: outcome.error,
      })
      return
    }
    this.progressAt = this.#o.now()
    if (this.lastError !== null) for (const code of CONDITIONS) this.#o.reporter.resolved(code)
    this.lastError = null
    if (outcome.clock !== null)
      this.clock.sample(outcome.clock.offsetMs, outcome.clock.roundTripMs, this.progressAt)
    this.#o.counts.acknowledged += batch.length - outcome.rejected.length
    for (const rejection of outcome.rejected) this.#rejected(rejection)
  }

  #settled(entry: Entry): void {
    if (!entry.own) this.#o.counts.resent++
    this.progress.settled(entry)
  }

  #rejected({ entry, error }: Rejection): void {
    this.#o.counts.rejected++
    const name = `${entry.segment?.name ?? 'memory'}-${entry.sequence}.rejected`
    void this.#o.spool.setAside(name, entry.value).then((path) => {
      const kept = path === null ? 'it could not be kept' : `it was kept as ${path}`
      this.#o.reporter.report({
        code: error.code,
        message: `${error.message} It is not sent; ${kept}.`,
        cause: error,
      })
    })
  }

  async #damaged(damage: Damage): Promise<void> {
    const { span, from, bytes, kind } = damage
    const path = await this.#o.spool.setAside(`${span.segment.name}-${from}.corrupt`, bytes)
    const what =
      kind === 'torn'
        ? `ends in the middle of a record (${bytes.length} bytes), whose emit had not returned`
        : `holds ${bytes.length} bytes that fail their checksum`
    this.#o.counts.corrupt++
    this.#o.reporter.report({
      code: kind === 'torn' ? 'DAYBOOK_SDK_SPOOL_TORN' : 'DAYBOOK_SDK_SPOOL_CORRUPT',
      message: `Spool file ${span.segment.name} ${what} at byte ${from}; what follows is sent, these bytes were ${path === null ? 'not kept' : `kept as ${path}`}.`,
    })
  }

  #unreadable(span: Span, cause: unknown): void {
    this.#o.counts.corrupt++
    this.#o.reporter.report({
      code: 'DAYBOOK_SDK_SPOOL_READ_FAILED',
      message: `Spool file ${span.segment.name} cannot be read from byte ${span.from} to ${span.to}: ${String(cause)}. These events are not sent; check the disk.`,
      cause,
    })
  }

  #adoptionFailed(cause: unknown): void {
    this.#o.reporter.condition({
      code: 'DAYBOOK_SDK_SPOOL_READ_FAILED',
      message: `The spool directory cannot be searched for what ended processes left: ${String(cause)}.`,
      cause,
    })
  }
}
