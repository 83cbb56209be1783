import { expect, test } from 'vitest'
import { type ArchiveHeader, headerEntries } from '../../../schemas/archive/header.ts'
import { readHeaderEntries } from '../../../schemas/archive/header-reader.ts'

const HASH = Buffer.alloc(32, 7)
const header: ArchiveHeader = {
  ...{
    topic: 't',
    topicId: 'i',
    partition: 3,
    readerVersion: 4,
    logId: 'log',
    key: 'k',
    first: 5n,
    last: 9n,
  },
  counts: { event: 3, tombstone: 1, quarantined: 0 },
  gaps: [{ first: 6n, last: 6n, reason: 'control' }],
  appendTime: { min: -(2 ** 63), max: 2 ** 63 },
  ...{ occurredAt: null, tenants: null, schema: { id: 7, text: '{}' }, treeSize: 5n },
  ...{ frontier: [HASH], ownRange: [HASH, HASH], root: HASH, dataBytes: 12, dataSha256: HASH },
}

const entries = () =>
  new Map(Object.entries(headerEntries(header)).map(([name, value]) => [name, Buffer.from(value)]))

test('a header is read back as it was written', () => {
  expect(readHeaderEntries(entries())).toEqual(header)
})

test('an object that names no reader version has version 0', () => {
  const without = entries()
  expect(without.delete('daybook.reader')).toBe(true)
  expect(readHeaderEntries(without)).toEqual({ ...header, readerVersion: 0 })
})

test.each(['', '-1', '1.5', '01', 'x'])('the reader version "%s" is malformed', (version) => {
  const wrong = entries().set('daybook.reader', Buffer.from(version))
  expect(() => readHeaderEntries(wrong)).toThrow(/daybook\.reader/)
})
