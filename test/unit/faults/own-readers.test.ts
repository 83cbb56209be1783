import avro from 'avsc'
import { expect, test } from 'vitest'
import { AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'
import { readRawBatches } from '../../integrity/faults/verify/raw-log.ts'
import { readMeta } from '../../integrity/faults/verify/read-archive.ts'
import { eventId, upToEventId } from '../../integrity/faults/verify/verify-run.ts'
import { batchOfRecords } from '../../support/raw-produce.ts'

/** As JSON has it: each is a key like any other. */
const KEYS = ['__proto__', 'constructor', 'toString', '', 'daybook.log']

test('metadata of a container file are read with every key', () => {
  const long = (value: number) => avro.Type.forSchema('long').toBuffer(value)
  const bytes = (text: string) => Buffer.concat([long(Buffer.byteLength(text)), Buffer.from(text)])
  const entries = KEYS.flatMap((key) => [bytes(key), bytes(`of ${key}`)])
  const file = Buffer.concat([Buffer.from('Obj\u0001'), long(KEYS.length), ...entries, long(0)])
  const { meta, end } = readMeta(Buffer.concat([file, Buffer.alloc(16)]))
  expect([...meta].map(([key, value]) => [key, value.toString()])).toEqual(
    KEYS.map((key) => [key, `of ${key}`]),
  )
  expect(end).toBe(file.length)
})

test('headers of a record are read with every key', () => {
  const headers = KEYS.map((key) => [key, Buffer.from(`of ${key}`)] as const)
  const [records] = readRawBatches(batchOfRecords([{ value: Buffer.from('v'), headers }]))
  expect([...(records?.[0]?.headers ?? [])]).toEqual(KEYS.map((key) => [key, `of ${key}`]))
})

test('the id of an event is read whatever stands behind it', () => {
  const id = '01890000-0000-7000-8000-000000000001'
  const largest = Buffer.from('feffffffffffffffff01', 'hex')
  const text = avro.Type.forSchema('string')
  const event = Buffer.concat([Buffer.alloc(5), text.toBuffer(id), text.toBuffer('acme'), largest])
  expect(eventId(upToEventId(AUDIT_EVENT_SCHEMA_TEXT), event)).toBe(id)
})
