import { ByteWriter } from '../../schemas/bytes.ts'
import type { AuditEventInput, ChangeInput } from '../../schemas/generated/audit-event.ts'
import { encodeAuditEvent } from '../../schemas/generated/encode-audit-event.ts'
import { createRandom, type Random } from './random.ts'
import {
  ACTIONS,
  type ActionKind,
  AGENTS,
  NAMES,
  REASONS,
  REGIONS,
  ROLES,
  TENANTS,
  VALUES,
} from './vocabulary.ts'

export interface EventsOptions {
  readonly seed: number
  readonly count: number
  /** Time of the first event. */
  readonly startMs?: number
  /** Mean distance of two events. */
  readonly stepMs?: number
}

const DEFAULT_START_MS = Date.UTC(2026, 10, 2, 8)
const PRODUCERS = 8
const LARGE_BYTES = 64 * 1024

/** Avro payloads of events as services send them, about 400 bytes each. */
export function usualEvents(options: EventsOptions): Iterable<Buffer> {
  return encoded(options, usual)
}

/** Avro payloads with little beside the required fields, about 223 bytes. */
export function smallEvents(options: EventsOptions): Iterable<Buffer> {
  return encoded(options, small)
}

/** Avro payloads of about 64 KB: many changes with long values. */
export function largeEvents(options: EventsOptions): Iterable<Buffer> {
  return encoded(options, large)
}

/** The usual events before encoding. */
export function* usualEventObjects(options: EventsOptions): Generator<AuditEventInput> {
  yield* objects(options, usual)
}

type Shape = (random: Random, base: Base) => AuditEventInput

/** What every event has, whatever its size. */
interface Base {
  readonly eventId: string
  readonly occurredAt: number
  readonly producer: number
  readonly sequence: number
  readonly tenantId: string
  readonly kind: ActionKind
}

function* encoded(options: EventsOptions, shape: Shape): Generator<Buffer> {
  const writer = new ByteWriter(LARGE_BYTES * 2)
  for (const event of objects(options, shape)) {
    writer.reset()
    encodeAuditEvent(writer, event)
    yield Buffer.from(writer.take())
  }
}

function* objects(options: EventsOptions, shape: Shape): Generator<AuditEventInput> {
  const random = createRandom(options.seed)
  const sequences = new Array<number>(PRODUCERS).fill(0)
  const stepMs = options.stepMs ?? 1
  let now = options.startMs ?? DEFAULT_START_MS
  for (let i = 0; i < options.count; i++) {
    now += random.int(2 * stepMs + 1)
    const producer = random.int(PRODUCERS)
    const sequence = (sequences[producer] ?? 0) + 1
    sequences[producer] = sequence
    const eventId = uuidV7(random, now)
    yield shape(random, {
      eventId,
      occurredAt: now,
      producer,
      sequence,
      tenantId: random.pick(TENANTS),
      kind: random.pick(ACTIONS),
    })
  }
}

function usual(random: Random, base: Base): AuditEventInput {
  const { kind } = base
  const user = random.int(500)
  const failed = random.chance(8)
  return {
    ...head(base),
    clock_offset_ms: random.int(40) - 20,
    category: kind.category,
    actor: {
      id: `user-${user}`,
      type: 'USER',
      name: NAMES[user % NAMES.length] ?? NAMES[0],
      role: ROLES[user % ROLES.length] ?? ROLES[0],
      affiliation: user % 10 === 0 ? 'CUSTOMER' : 'EMPLOYEE',
      on_behalf_of: random.chance(3) ? `user-${random.int(500)}` : null,
    },
    target: { type: kind.target, id: `${kind.target}-${random.int(100_000)}`, name: null },
    other_targets: random.chance(10)
      ? [{ type: 'customer', id: `customer-${random.int(9999)}`, name: null }]
      : [],
    outcome: failed
      ? { status: 'DENIED', code: '403', reason: 'missing permission' }
      : { status: 'SUCCESS', code: '200', reason: null },
    changes: failed ? [] : changes(random, kind.fields),
    context: {
      interface: `http ${kind.route}`,
      ip: `203.0.${random.int(256)}.${random.int(256)}`,
      user_agent: random.pick(AGENTS),
      session_id: `s-${random.hex(12)}`,
      request_id: `r-${random.hex(16)}`,
      device_id: null,
      geo: 'DE-BE',
    },
    source: {
      service: 'orders',
      version: '4.12.0',
      environment: 'production',
      region: random.pick(REGIONS),
      host: `orders-${base.producer}`,
    },
    correlation_id: `c-${random.hex(16)}`,
    trace_id: random.hex(32),
    reason: random.chance(15) ? random.pick(REASONS) : null,
    metadata: random.chance(20) ? { channel: 'web', release: '2026-11-02' } : {},
  }
}

function small(random: Random, base: Base): AuditEventInput {
  return {
    ...head(base),
    category: base.kind.category,
    actor: { id: `user-${random.int(500)}`, type: 'USER', affiliation: 'EMPLOYEE' },
    target: { type: base.kind.target, id: `${base.kind.target}-${random.int(100_000)}` },
    outcome: { status: 'SUCCESS' },
    context: { interface: `http ${base.kind.route}`, request_id: `r-${random.hex(6)}` },
    source: { service: 'orders', environment: 'production' },
    trace_id: random.hex(32),
  }
}

function large(random: Random, base: Base): AuditEventInput {
  const text = JSON.stringify(`${random.hex(64)} grüße `.repeat(7))
  const list: ChangeInput[] = []
  for (let i = 0, bytes = 0; bytes < LARGE_BYTES - 1024; i++, bytes += 2 * text.length + 40) {
    list.push({ path: `lines[${i}].note`, before: text, after: JSON.stringify(random.hex(text.length)) })
  }
  return { ...usual(random, base), changes: list }
}

function head(base: Base) {
  return {
    event_id: base.eventId,
    tenant_id: base.tenantId,
    occurred_at: base.occurredAt,
    action: base.kind.action,
    producer_id: `orders-7f9c-${base.producer}`,
    sequence: base.sequence,
  }
}

function changes(random: Random, fields: readonly string[]): ChangeInput[] {
  return fields.map((path) => ({ path, before: random.pick(VALUES), after: random.pick(VALUES) }))
}

function uuidV7(random: Random, now: number): string {
  const time = now.toString(16).padStart(12, '0')
  const tail = random.hex(24)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${tail.slice(0, 3)}-${'89ab'[random.int(4)]}${tail.slice(3, 6)}-${tail.slice(6, 18)}`
}
