import { hostname } from 'node:os'
import { DaybookError } from '../../../schemas/errors.ts'
import type { AuditLogOptions, CountName, EmitState } from './audit-log.ts'
import { type AuditContext, currentContext } from './context.ts'
import { type Captured, Encoder } from './event/encoder.ts'
import type { EventRecord, SourceRecord } from './event/event-record.ts'
import { Findings } from './event/findings.ts'
import type { Stamp } from './event/read-event.ts'
import { isObject } from './event/read-value.ts'
import type { ProblemReport, ProblemReporter } from './problems.ts'
import type { Spool } from './spool/spool.ts'
import { createUuid7 } from './uuid7.ts'

const SYSTEM_TENANT = '_system'
const DEFAULT_MAX_EVENT_BYTES = 256 * 1024

export interface Recorded {
  readonly eventId: string
  readonly sequence: number
  readonly state: EmitState
  readonly problems: readonly ProblemReport[]
}

export interface RecorderOptions {
  readonly options: AuditLogOptions
  readonly producerId: string
  readonly spool: Spool
  readonly reporter: ProblemReporter
  readonly counts: Record<CountName, number>
  readonly clockOffsetMs: () => number | null
  readonly now: () => number
}

/** Captures events and hands them to the spool. */
export class Recorder {
  lastSequence = 0
  closed = false
  readonly #o: RecorderOptions
  readonly #encoder: Encoder
  readonly #newId: () => string
  readonly #source: SourceRecord
  readonly #onInvalid: 'record' | 'throw'

  constructor(options: RecorderOptions) {
    this.#o = options
    const { service, maxEventBytes, onInvalid } = options.options
    this.#encoder = new Encoder({ maxEventBytes: maxEventBytes ?? DEFAULT_MAX_EVENT_BYTES })
    this.#newId = createUuid7(options.now)
    this.#onInvalid = onInvalid ?? 'record'
    this.#source = {
      service: service.name,
      version: service.version ?? null,
      environment: service.environment ?? null,
      region: service.region ?? null,
      host: service.host ?? hostname(),
    }
  }

  /** Throws only under `onInvalid: 'throw'`. */
  record(action: unknown, input: unknown): Recorded {
    const eventId = this.#newId()
    const findings = new Findings(this.#onInvalid)
    const context = currentContext()
    const tenant = this.#tenantOf(input, context?.tenant)
    const refusal = this.closed ? CLOSED : this.#tenantProblem(tenant)
    if (refusal !== null) {
      if (this.#onInvalid === 'throw') throw new DaybookError(refusal.code, refusal.message)
      return this.#refused(eventId, refusal)
    }
    const stamp = {
      eventId,
      sequence: this.lastSequence + 1,
      tenant,
      now: this.#o.now(),
      clockOffsetMs: this.#o.clockOffsetMs(),
      producerId: this.#o.producerId,
      source: this.#source,
    }
    const retention = this.#retentionOf(input, findings)
    const captured = this.#capture(action, input, context, stamp, findings)
    return this.#append(eventId, retention, captured, findings)
  }

  #capture(
    action: unknown,
    input: unknown,
    context: AuditContext | undefined,
    stamp: Stamp,
    findings: Findings,
  ): Captured {
    try {
      return this.#encoder.capture(action, input, context, stamp, findings)
    } catch (error) {
      if (this.#onInvalid === 'throw') throw error
      // Nothing that an application hands over (a proxy, an exotic array) may make emit throw.
      findings.missing('event', 'cannot be read')
      return this.#encoder.capture(typeof action === 'string' ? action : '', {}, undefined, stamp, findings)
    }
  }

  /** A META event of this producer. */
  recordOwn(action: string, metadata: Readonly<Record<string, string>>): Recorded {
    const eventId = this.#newId()
    const findings = new Findings('record')
    const event = this.#metaEvent(eventId, action, metadata)
    const captured = this.#encoder.encode(event, findings)
    return this.#append(eventId, this.#o.options.transport.defaultRetention, captured, findings)
  }

  #append(eventId: string, retention: string, captured: Captured, findings: Findings): Recorded {
    const sequence = this.lastSequence + 1
    const state = this.#o.spool.append({ sequence, key: captured.key, retention, value: captured.value })
    if (state === 'refused') return this.#refused(eventId, this.#fullProblem())
    this.lastSequence = sequence
    this.#o.counts[state]++
    if (findings.found) this.#degraded(eventId, findings.list)
    return { eventId, sequence, state, problems: findings.list }
  }

  #degraded(eventId: string, problems: readonly ProblemReport[]): void {
    this.#o.counts.degraded++
    for (const problem of problems) this.#o.reporter.report({ ...problem, eventId })
  }

  #refused(eventId: string, problem: ProblemReport): Recorded {
    this.#o.counts.refused++
    this.#o.reporter.report({ ...problem, eventId })
    return { eventId, sequence: 0, state: 'refused', problems: [problem] }
  }

  #tenantOf(input: unknown, around: string | undefined): string {
    let stated: unknown
    try {
      stated = isObject(input) ? Reflect.get(input, 'tenant') : undefined
    } catch {
      return ''
    }
    const tenant = stated ?? around ?? this.#o.options.tenant
    return typeof tenant === 'string' ? tenant.toWellFormed() : ''
  }

  #tenantProblem(tenant: string): ProblemReport | null {
    const known = tenant !== '' && tenant !== SYSTEM_TENANT && this.#isKnown(tenant)
    return known ? null : UNKNOWN_TENANT
  }

  #isKnown(tenant: string): boolean {
    try {
      return this.#o.options.tenants?.(tenant) ?? true
    } catch {
      return false
    }
  }

  #retentionOf(input: unknown, findings: Findings): string {
    const { transport } = this.#o.options
    let stated: unknown
    try {
      stated = isObject(input) ? Reflect.get(input, 'retention') : undefined
    } catch {
      stated = null
    }
    if (stated === undefined) return transport.defaultRetention
    if (typeof stated === 'string' && transport.accepts(stated)) return stated
    findings.cut('retention', 'names no retention class of the transport')
    return transport.defaultRetention
  }

  #fullProblem(): ProblemReport {
    const { bytes, capBytes } = this.#o.spool
    return {
      code: 'DAYBOOK_SDK_SPOOL_FULL',
      message: `The spool is full (${bytes} of ${capBytes} bytes); the event was NOT recorded. Restore the connection to Kafka or raise capBytes.`,
    }
  }

  #metaEvent(eventId: string, action: string, metadata: Readonly<Record<string, string>>): EventRecord {
    const { producerId } = this.#o
    return {
      event_id: eventId,
      tenant_id: SYSTEM_TENANT,
      occurred_at: this.#o.now(),
      clock_offset_ms: this.#o.clockOffsetMs(),
      action,
      category: 'META',
      actor: { ...NOBODY, id: this.#source.service, type: 'SERVICE' },
      target: { type: 'producer', id: producerId, name: null },
      other_targets: [],
      outcome: { status: 'SUCCESS', code: null, reason: null },
      changes: [],
      context: NOWHERE,
      source: this.#source,
      ...NO_LINKS,
      producer_id: producerId,
      sequence: this.lastSequence + 1,
      flags: [],
      metadata,
    }
  }
}

const NOBODY = { name: null, role: null, affiliation: 'UNKNOWN', on_behalf_of: null } as const
const NOWHERE = {
  interface: null,
  ip: null,
  user_agent: null,
  session_id: null,
  request_id: null,
  device_id: null,
  geo: null,
}
const NO_LINKS = {
  correlation_id: null,
  trace_id: null,
  causation_id: null,
  reason: null,
  approval: null,
  corrects: null,
}

const UNKNOWN_TENANT: ProblemReport = {
  code: 'DAYBOOK_SDK_TENANT_UNKNOWN',
  field: 'tenant',
  message:
    'The event states no tenant, or one that is not known; it was NOT recorded. State `tenant` in the event, in run() or in createAuditLog().',
}

const CLOSED: ProblemReport = {
  code: 'DAYBOOK_SDK_CLOSED',
  message: 'The audit log is closed; the event was NOT recorded. Create another one to emit events.',
}
