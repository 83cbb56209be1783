import { readFileSync } from 'node:fs'
import avro from 'avsc'
import type { CheckedRecord, Gap, PartitionRef, Range } from '../../../consumers/engine/contracts.ts'
import { SourceRecord } from '../../../consumers/engine/source-record.ts'
import type { AvroRecordSchema } from '../../../schemas/avro-schema.ts'
import { frame, HEADER_BYTES } from '../../../schemas/wire.ts'

const SCHEMA_FILE = new URL('../../../schemas/avro/audit-event.v1.avsc', import.meta.url)

export const SCHEMA_ID = 7

/** One o'clock of yesterday (UTC): within the table's time to live, and far from the ends of a day. */
export const RECEIVED_AT = Math.floor(Date.now() / 86_400_000 - 1) * 86_400_000 + 3_600_000

export function eventSchema(): AvroRecordSchema {
  return JSON.parse(readFileSync(SCHEMA_FILE, 'utf8'))
}

const type = avro.Type.forSchema(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')))

/** A UUIDv7 whose time is `ms` and whose low half is `n`. */
export function uuidAt(ms: number, n: number): string {
  const time = ms.toString(16).padStart(12, '0')
  const tail = n.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${tail}`
}

export interface EventInput {
  readonly id: string
  readonly tenant?: string
  readonly action?: string
  readonly occurredAt?: number
  readonly reason?: string
  readonly ip?: string
}

const DEFAULTS = Object.fromEntries(eventSchema().fields.map((field) => [field.name, field.default]))

/** The Avro bytes of an event that looks like a real one. */
export function eventPayload(input: EventInput): Buffer {
  return type.toBuffer({
    ...DEFAULTS,
    event_id: input.id,
    tenant_id: input.tenant ?? 'acme',
    occurred_at: input.occurredAt ?? RECEIVED_AT,
    action: input.action ?? 'order.updated',
    category: 'DATA_CHANGE',
    actor: {
      id: 'u-1',
      type: 'USER',
      name: 'Jane Doe',
      role: 'admin',
      affiliation: 'EMPLOYEE',
      on_behalf_of: null,
    },
    target: { type: 'order', id: 'o-1', name: null },
    changes: [{ path: 'lines[0].qty', before: '1', after: '2' }],
    context: {
      ...{
        interface: 'http POST /orders/:id',
        ip: input.ip ?? '10.1.2.3',
        user_agent: 'test',
        session_id: null,
      },
      ...{ request_id: 'r-1', device_id: null, geo: null },
    },
    reason: input.reason ?? null,
    metadata: { plan: 'pro' },
  })
}

export function eventRecord(offset: bigint, appendTime: number, input: EventInput): CheckedRecord {
  const value = frame(SCHEMA_ID, eventPayload(input))
  return {
    record: SourceRecord.of({ offset, appendTime, key: Buffer.from('k'), value }),
    verdict: { kind: 'event', schemaId: SCHEMA_ID, payloadStart: HEADER_BYTES },
  }
}

export function badRecord(offset: bigint, appendTime: number): CheckedRecord {
  return {
    record: SourceRecord.of({ offset, appendTime, key: null, value: Buffer.from('junk') }),
    verdict: { kind: 'bad', code: 'NOT_WIRE_FORMAT', reason: 'no magic byte', schemaId: null },
  }
}

export function rangeOf(
  partition: PartitionRef,
  records: readonly CheckedRecord[],
  gaps: readonly Gap[] = [],
): Range {
  const offsets = [
    ...records.map(({ record }) => record.offset),
    ...gaps.flatMap((gap) => [gap.first, gap.last]),
  ]
  const sorted = offsets.toSorted((a, b) => (a < b ? -1 : 1))
  const bytes = records.reduce((sum, { record }) => sum + (record.value?.length ?? 0), 0)
  return { partition, first: sorted[0] ?? 0n, last: sorted.at(-1) ?? 0n, records, gaps, bytes }
}

/** Ids of different partitions do not meet. */
function idBase(partition: PartitionRef): number {
  return Number.parseInt(partition.topicId.slice(0, 6), 16) * 2 ** 22 + partition.partition * 2 ** 16
}

/** `count` events from offset `first`, one a millisecond, with ids of their own. */
export function eventRange(
  partition: PartitionRef,
  first: bigint,
  count: number,
  o: { readonly at?: number; readonly idBase?: number; readonly tenant?: string } = {},
): Range {
  const at = o.at ?? RECEIVED_AT
  const records = Array.from({ length: count }, (_, i) =>
    eventRecord(first + BigInt(i), at + i, {
      id: uuidAt(at + i, (o.idBase ?? idBase(partition)) + Number(first) + i),
      tenant: o.tenant ?? 'acme',
      occurredAt: at + i,
    }),
  )
  return rangeOf(partition, records)
}
