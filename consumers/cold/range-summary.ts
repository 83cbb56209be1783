import type { EventHead } from '../../schemas/archive/head.ts'
import type { ArchiveHeader, TimeSpan } from '../../schemas/archive/header.ts'

/** The header lists no tenants at all beyond so many, or so many bytes of them, so that it stays small. */
const MAX_TENANTS = 64
const MAX_TENANT_BYTES = 16 * 1024
const NO_TENANT = Buffer.alloc(0)

/** Counts and bounds over the records of a range, gathered while its rows are written. */
export class RangeSummary {
  readonly #counts = { event: 0, tombstone: 0, quarantined: 0 }
  readonly #appendTime = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }
  readonly #occurredAt = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }
  readonly #tenants = new Set<string>()
  #tenantBytes = 0
  #listsTenants = true
  /** Neighbours often share their tenant, and comparing bytes is cheaper than making a string. */
  #lastTenant: Buffer = NO_TENANT

  record(appendTime: number): void {
    widen(this.#appendTime, appendTime)
  }

  tombstone(): void {
    this.#counts.tombstone++
  }

  quarantined(): void {
    this.#counts.quarantined++
  }

  event(value: Buffer, head: EventHead | null): void {
    this.#counts.event++
    if (head === null) return
    widen(this.#occurredAt, head.occurredAt)
    const { tenantStart, tenantEnd } = head
    const last = this.#lastTenant
    if (last !== NO_TENANT && value.compare(last, 0, last.length, tenantStart, tenantEnd) === 0) return
    this.#lastTenant = value.subarray(tenantStart, tenantEnd)
    if (!this.#listsTenants) return
    const known = this.#tenants.size
    if (tenantEnd - tenantStart <= MAX_TENANT_BYTES) {
      this.#tenants.add(value.toString('utf8', tenantStart, tenantEnd))
      if (this.#tenants.size > known) this.#tenantBytes += tenantEnd - tenantStart
    } else this.#tenantBytes = Number.POSITIVE_INFINITY
    if (this.#tenants.size <= MAX_TENANTS && this.#tenantBytes <= MAX_TENANT_BYTES) return
    this.#listsTenants = false
    this.#tenants.clear()
  }

  result(): Pick<ArchiveHeader, 'counts' | 'appendTime' | 'occurredAt' | 'tenants'> {
    return {
      counts: { ...this.#counts },
      appendTime: { ...this.#appendTime },
      occurredAt: this.#occurredAt.min <= this.#occurredAt.max ? { ...this.#occurredAt } : null,
      tenants: this.#listsTenants ? [...this.#tenants].sort() : null,
    }
  }
}

function widen(span: { -readonly [K in keyof TimeSpan]: TimeSpan[K] }, time: number): void {
  if (time < span.min) span.min = time
  if (time > span.max) span.max = time
}
