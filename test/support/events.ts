import { ByteWriter } from '../../schemas/bytes.ts'
import type { AuditEventInput } from '../../schemas/generated/audit-event.ts'
import { encodeAuditEvent } from '../../schemas/generated/encode-audit-event.ts'

/** A small valid event; give what a test is about. */
export function anEvent(fields: Partial<AuditEventInput> = {}): AuditEventInput {
  return {
    event_id: '01936f3e-8a00-7cc3-9d1e-0123456789ab',
    tenant_id: 'acme',
    occurred_at: 1_762_070_400_000,
    action: 'order.updated',
    producer_id: 'orders-1',
    sequence: 1,
    ...fields,
  }
}

/** Its Avro bytes, without the wire-format header. */
export function encodeEvent(event: AuditEventInput): Buffer {
  const writer = new ByteWriter()
  encodeAuditEvent(writer, event)
  return writer.copy()
}
