import { expect, test } from 'vitest'
import { EventDecoder } from '../../../evidence/decode.ts'
import { AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'
import { anEvent, encodeEvent } from '../../support/events.ts'

const header = { key: 'k', schema: { id: 1, text: AUDIT_EVENT_SCHEMA_TEXT } }

test('every key of a map is shown, whatever objects of JavaScript think of its name', () => {
  const text = '{"__proto__":"a","constructor":"b","toString":"c","hasOwnProperty":"d","":"e"}'
  const payload = encodeEvent(anEvent({ metadata: JSON.parse(text) }))
  const event = new EventDecoder().decode(header, payload, false)
  expect(JSON.stringify(event['metadata'])).toBe(text)
  expect(Object.getPrototypeOf(event['metadata'])).toBe(Object.prototype)
})

test('the rest of an event is shown as it was written', () => {
  const given = anEvent({ reason: 'why', flags: ['a'], changes: [{ path: 'p', before: '1', after: '2' }] })
  const event = new EventDecoder().decode(header, encodeEvent(given), true)
  expect(JSON.parse(JSON.stringify(event))).toMatchObject(JSON.parse(JSON.stringify(given)))
})
