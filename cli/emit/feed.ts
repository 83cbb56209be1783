import type { AuditLog, Emitted } from '../../producers/sdk/src/index.ts'
import { DaybookError } from '../../schemas/errors.ts'
import type { ParsedLine } from './event-line.ts'
import type { Rejects } from './rejects.ts'

/** What is on its way to Kafka at the same time is bounded by these; so is memory. */
const CHUNK_EVENTS = 1_000
const CHUNK_CHARS = 1_000_000
const MAX_CHUNKS = 8

interface Sent {
  readonly line: number
  readonly text: string
  readonly emitted: Emitted
}

interface Chunk {
  readonly events: Sent[]
  /** False: Kafka acknowledged nothing for too long. */
  readonly settled: Promise<boolean>
}

export interface FeedOptions {
  readonly audit: AuditLog
  readonly rejects: Rejects
  /** Without any acknowledgement for so long, it gives up. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Called with the number of events that Kafka has acknowledged. */
  readonly onAcknowledged: (count: number) => void
}

type Event = Extract<ParsedLine, { ok: true }>

/** Emits events no faster than Kafka takes them, and knows of each what became of it. */
export class Feed {
  /** Lines; the reader of the input counts them. */
  read = 0
  acknowledged = 0
  readonly #o: FeedOptions
  readonly #chunks: Chunk[] = []
  #events: Sent[] = []
  #chars = 0
  #rejectedByKafka = 0

  constructor(options: FeedOptions) {
    this.#o = options
  }

  /** Waits while too much is on its way. @throws DaybookError DAYBOOK_SDK_NOT_ACKNOWLEDGED when Kafka acknowledges nothing for too long */
  async add(line: number, text: string, { action, event }: Event): Promise<void> {
    const emitted = await this.#emit(line, text, action, event)
    if (emitted === null) return
    this.#events.push({ line, text, emitted })
    this.#chars += text.length
    if (this.#events.length >= CHUNK_EVENTS || this.#chars >= CHUNK_CHARS) await this.#endChunk()
  }

  /** Everything that was added is acknowledged or rejected when this returns. @throws as `add` */
  async finish(): Promise<void> {
    if (this.#events.length > 0) await this.#endChunk()
    while (this.#chunks.length > 0) await this.#oldest()
  }

  /** Null: rejected. A full spool is waited for: nothing is left out because Kafka is slow. */
  async #emit(line: number, text: string, action: string, event: object): Promise<Emitted | null> {
    for (;;) {
      try {
        const emitted = this.#o.audit.emit(action, event)
        if (emitted.state !== 'refused') return emitted
        const [problem] = emitted.problems
        if (problem?.code !== 'DAYBOOK_SDK_SPOOL_FULL') {
          await this.#reject(line, text, problem?.field ?? '', problem?.message ?? 'was refused')
          return null
        }
        await this.finish()
      } catch (error) {
        if (!(error instanceof DaybookError) || !CONTENT.has(error.code)) throw error
        await this.#reject(line, text, String(error.details['field'] ?? ''), faultOf(error))
        return null
      }
    }
  }

  async #endChunk(): Promise<void> {
    this.#chunks.push({ events: this.#events, settled: this.#settled() })
    this.#events = []
    this.#chars = 0
    if (this.#chunks.length >= MAX_CHUNKS) await this.#oldest()
  }

  async #settled(): Promise<boolean> {
    const { audit, timeoutMs, signal } = this.#o
    while (!(await audit.flush({ timeoutMs: Math.min(timeoutMs, 1_000) }))) {
      if (signal.aborted || audit.status().stalledMs >= timeoutMs) return false
    }
    return true
  }

  async #oldest(): Promise<void> {
    const [chunk] = this.#chunks
    if (chunk === undefined) return
    if (!(await chunk.settled)) throw standsStill(this.#o)
    this.#chunks.shift()
    const rejected = await this.#rejectedIn(chunk)
    this.acknowledged += chunk.events.length - rejected
    this.#o.onAcknowledged(chunk.events.length - rejected)
  }

  async #rejectedIn({ events }: Chunk): Promise<number> {
    const known = this.#o.audit.status().counts.rejected
    if (known === this.#rejectedByKafka) return 0
    let count = 0
    for (const { line, text, emitted } of events) {
      const error: unknown = await emitted.acknowledged().then(
        () => null,
        (reason: unknown) => reason,
      )
      if (error === null) continue
      count++
      await this.#reject(line, text, '', error instanceof Error ? error.message : 'Kafka refused it')
    }
    this.#rejectedByKafka += count
    return count
  }

  #reject(line: number, input: string, field: string, error: string): Promise<void> {
    return this.#o.rejects.add({ line, field, error, input })
  }
}

/** Faults of one event, as the SDK reports them. */
const CONTENT: ReadonlySet<string> = new Set([
  'DAYBOOK_SDK_FIELD_INVALID',
  'DAYBOOK_SDK_FIELD_REQUIRED',
  'DAYBOOK_SDK_EVENT_OVERSIZED',
  'DAYBOOK_SDK_TENANT_UNKNOWN',
])

/** The SDK's message ends with what it did about the fault (such as to leave the field out); here the line is rejected. */
function faultOf({ message, details }: DaybookError): string {
  const [what = message] = message.split('; ')
  const prefix = `Field \`${String(details['field'] ?? '')}\` `
  return what.startsWith(prefix) ? what.slice(prefix.length) : what
}

function standsStill({ audit, timeoutMs }: FeedOptions): DaybookError {
  const { lastError } = audit.status()
  const why = lastError === null ? '' : ` The last failure: ${lastError.code}: ${lastError.message}`
  return new DaybookError(
    'DAYBOOK_SDK_NOT_ACKNOWLEDGED',
    `Kafka acknowledged nothing for ${Math.round(timeoutMs / 1_000)} s.${why}`,
    { retryable: true },
  )
}
