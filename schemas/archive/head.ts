import { parseRecordSchema } from '../avro-node.ts'
import type { AvroRecordSchema } from '../avro-schema.ts'
import { ByteReader } from '../bytes.ts'
import { compileSkipper } from '../skip.ts'

/** Where tenant and time of an event stand in its payload. */
export interface EventHead {
  tenantStart: number
  tenantEnd: number
  /** Milliseconds since the Unix epoch; rounded beyond 2^53. */
  occurredAt: number
}

/**
 * Reads tenant and time of an event that the schema's skipper has accepted, into a head that the next call
 * overwrites; false where the schema has no such fields. Every known version of AuditEvent begins with event_id,
 * tenant_id, occurred_at, which can be read without reading the fields behind them.
 */
export type HeadReader = (buf: Buffer, start: number, end: number) => boolean

export function compileHeadReader(schema: AvroRecordSchema, head: EventHead): HeadReader {
  return beginsAsAuditEvent(schema) ? directReader(head) : skippingReader(schema, head)
}

function beginsAsAuditEvent(schema: AvroRecordSchema): boolean {
  const [id, tenant, time] = parseRecordSchema(schema).fields
  return (
    id?.name === 'event_id' &&
    id.type.kind === 'string' &&
    tenant?.name === 'tenant_id' &&
    tenant.type.kind === 'string' &&
    time?.name === 'occurred_at' &&
    time.type.kind === 'long'
  )
}

function directReader(head: EventHead): HeadReader {
  return (buf, start, end) => {
    const reader = new ByteReader(buf, start, end)
    const idLength = reader.readLong()
    reader.pos += idLength
    const tenantLength = reader.readLong()
    head.tenantStart = reader.pos
    reader.pos += tenantLength
    head.tenantEnd = reader.pos
    head.occurredAt = reader.skimLong()
    return true
  }
}

function skippingReader(schema: AvroRecordSchema, head: EventHead): HeadReader {
  const skipper = compileSkipper(schema, ['tenant_id', 'occurred_at'])
  return (buf, start, end) => {
    if (skipper.check(buf, start, end) !== 0) return false
    const { tenant_id: tenant, occurred_at: time } = skipper.at
    if (tenant.start < 0 || time.start < 0) return false
    head.tenantStart = tenant.start
    head.tenantEnd = tenant.end
    head.occurredAt = new ByteReader(buf, time.start, time.end).skimLong()
    return true
  }
}
