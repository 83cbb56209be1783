import { hash } from 'node:crypto'
import avro from 'avsc'
import type { AvroRecordSchema } from '../../schemas/avro-schema.ts'
import { ByteWriter } from '../../schemas/bytes.ts'
import {
  AUDIT_EVENT_SCHEMA,
  AUDIT_EVENT_SCHEMA_TEXT,
  type AuditEventInput,
} from '../../schemas/generated/audit-event.ts'
import { encodeAuditEvent } from '../../schemas/generated/encode-audit-event.ts'
import { eventKey } from '../../schemas/key.ts'
import { compileResolver } from '../../schemas/resolve.ts'
import { compileSkipper } from '../../schemas/skip.ts'

export interface Inputs {
  readonly events: readonly AuditEventInput[]
  readonly payloads: readonly Buffer[]
}

/** One pass over all events. What it gives back keeps the work from being optimised away. */
export type Case = (inputs: Inputs) => number

const HASH_BYTES = 32
const SPLICE_CAPACITY = 64 * 1024 * 1024

/** As if a version before this one had lacked the last two fields. */
function shrunkSchema(): AvroRecordSchema {
  const { fields } = AUDIT_EVENT_SCHEMA
  return { ...AUDIT_EVENT_SCHEMA, fields: fields.slice(0, -2) }
}

export const CASES: Readonly<Record<string, () => Case>> = {
  'check structure': () => {
    const skipper = compileSkipper(AUDIT_EVENT_SCHEMA)
    return ({ payloads }) => payloads.reduce((sum, p) => sum + skipper.check(p, 0, p.length), 0)
  },
  'full decode, avsc': () => {
    const type = avro.Type.forSchema(JSON.parse(AUDIT_EVENT_SCHEMA_TEXT), { wrapUnions: false })
    return ({ payloads }) => payloads.reduce((sum, p) => sum + type.fromBuffer(p).sequence, 0)
  },
  'splice with five prefix fields': () => {
    const writer = new ByteWriter(SPLICE_CAPACITY)
    const digest = Buffer.alloc(HASH_BYTES)
    return ({ payloads }) => {
      writer.reset()
      payloads.forEach((payload, offset) => {
        writer.writeString('01936f3e-8a00-7cc3-9d1e-0123456789ab')
        writer.writeLong(3)
        writer.writeLong(offset)
        writer.writeLong(1_795_261_382_000)
        writer.writeFixed(digest)
        writer.writeRaw(payload)
      })
      return writer.length
    }
  },
  're-encode from an older schema': () => {
    const older = shrunkSchema()
    const down = compileResolver(AUDIT_EVENT_SCHEMA, older)
    const up = compileResolver(older, AUDIT_EVENT_SCHEMA)
    let shrunk: Buffer[] = []
    return ({ payloads }) => {
      if (shrunk.length === 0) shrunk = payloads.map((p) => Buffer.from(down(p, 0, p.length)))
      return shrunk.reduce((sum, p) => sum + up(p, 0, p.length).length, 0)
    }
  },
  'encode, generated': () => {
    const writer = new ByteWriter()
    return ({ events }) =>
      events.reduce((sum, event) => {
        writer.reset()
        encodeAuditEvent(writer, event)
        return sum + writer.length
      }, 0)
  },
  'encode, avsc': () => {
    const type = avro.Type.forSchema(JSON.parse(AUDIT_EVENT_SCHEMA_TEXT), { wrapUnions: false })
    let whole: unknown[] = []
    return ({ payloads }) => {
      if (whole.length === 0) whole = payloads.map((p) => type.fromBuffer(p))
      return whole.reduce<number>((sum, event) => sum + type.toBuffer(event).length, 0)
    }
  },
  'SHA-256 of a payload': () => {
    return ({ payloads }) => payloads.reduce((sum, p) => sum + hash('sha256', p, 'buffer').length, 0)
  },
  'event key': () => {
    return ({ events }) =>
      events.reduce((sum, { tenant_id: tenantId, target }) => {
        const key = eventKey({ tenantId, targetType: target?.type ?? '', targetId: target?.id ?? '' })
        return sum + key.length
      }, 0)
  },
}
