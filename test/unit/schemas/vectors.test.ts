import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { AuditEventInput } from '../../../schemas/generated/audit-event.ts'
import { AUDIT_EVENT_SCHEMA } from '../../../schemas/generated/audit-event.ts'
import { eventKey } from '../../../schemas/key.ts'
import { compileSkipper } from '../../../schemas/skip.ts'
import { frame } from '../../../schemas/wire.ts'
import { encodeEvent } from '../../support/events.ts'

interface EventVector {
  readonly name: string
  readonly event: AuditEventInput
  readonly avro: string
  readonly value: string
}

interface KeyVector {
  readonly tenantId: string
  readonly targetType: string
  readonly targetId: string
  readonly key: string
}

function read(name: string): string {
  return readFileSync(new URL(`../../../schemas/vectors/${name}.json`, import.meta.url), 'utf8')
}

const events: readonly EventVector[] = JSON.parse(read('events'))
const keys: readonly KeyVector[] = JSON.parse(read('keys'))

describe('the published vectors', () => {
  it.each(events)('of an event hold: $name', ({ event, avro, value }) => {
    const bytes = encodeEvent(event)
    expect(bytes.toString('hex')).toBe(avro)
    expect(frame(7, bytes).toString('hex')).toBe(value)
    expect(compileSkipper(AUDIT_EVENT_SCHEMA).check(bytes, 0, bytes.length)).toBe(0)
  })

  it.each(keys)('of a key hold: $tenantId, $targetType, $targetId', (vector) => {
    expect(eventKey(vector).toString('hex')).toBe(vector.key)
  })
})
