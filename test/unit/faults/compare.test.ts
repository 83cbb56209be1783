import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  type ArchivedObject,
  type ArchivedRecord,
  comparePartition,
  type PartitionStores,
  type Verdicts,
} from '../../integrity/faults/verify/compare.ts'
import type { RawRecord } from '../../integrity/faults/verify/raw-log.ts'

const hashOf = ({ value }: RawRecord): string =>
  createHash('sha256')
    .update(value ?? '')
    .digest('hex')

/** Offsets 0–5: event, poison, tombstone, event, control marker, event. */
const EVENTS = [0n, 3n, 5n]
const RECORDS: readonly RawRecord[] = [
  record(0n, 'k', 'a'),
  record(1n, 'poison:1', 'bad'),
  record(2n, 'k', null),
  record(3n, 'k', 'b'),
  record(5n, 'k', 'c'),
]

function record(offset: bigint, key: string, value: string | null): RawRecord {
  return {
    ...{ offset, timestamp: 1_000 + Number(offset), headers: new Map() },
    ...{ key: Buffer.from(key), value: value === null ? null : Buffer.from(value) },
  }
}

function archived({ offset, timestamp, key, value }: RawRecord): ArchivedRecord {
  const kind = value === null ? 'tombstone' : key?.toString() === 'poison:1' ? 'quarantined' : 'event'
  return { offset, appendTime: timestamp, kind, key, value }
}

const OBJECTS: readonly ArchivedObject[] = [
  { name: 'one', first: 0n, last: 2n, records: RECORDS.slice(0, 3).map(archived), gaps: [] },
  {
    ...{ name: 'two', first: 3n, last: 5n, records: RECORDS.slice(3).map(archived) },
    gaps: [{ first: 4n, last: 4n, reason: 'control' }],
  },
]

const SOUND: PartitionStores = {
  name: 't/0',
  truth: { records: RECORDS, control: [4n], aborted: [] },
  lost: null,
  hot: RECORDS.filter(({ offset }) => EVENTS.includes(offset)).map((one) => ({
    ...{ offset: one.offset, eventId: String(one.offset), contentHash: hashOf(one) },
  })),
  quarantine: new Map([[1n, [Buffer.from('bad'), Buffer.from('bad')]]]),
  archive: OBJECTS,
}

function judge(change: Partial<PartitionStores>): Verdicts {
  const verdicts: Verdicts = { lost: 0, duplicated: 0, violations: [] }
  comparePartition({ ...SOUND, ...change }, verdicts, hashOf)
  return verdicts
}

const second = (change: Partial<ArchivedObject>): Partial<PartitionStores> => ({
  archive: OBJECTS.map((object, at) => (at === 1 ? { ...object, ...change } : object)),
})

const secondRecords = (change: (record: ArchivedRecord) => ArchivedRecord): Partial<PartitionStores> =>
  second({ records: RECORDS.slice(3).map((one) => change(archived(one))) })

test('nothing is wrong where both stores hold each record once', () => {
  expect(judge({})).toEqual({ lost: 0, duplicated: 0, violations: [] })
})

test.each<[string, Partial<PartitionStores>, RegExp]>([
  ['an event that the hot table lacks', { hot: SOUND.hot.slice(1) }, /@0: not in the hot table/],
  ['a row twice', { hot: [...SOUND.hot, ...SOUND.hot.slice(0, 1)] }, /@0: twice in the hot table/],
  [
    'a row with another hash',
    { hot: SOUND.hot.map((row) => ({ ...row, contentHash: '00' })) },
    /@0: other content/,
  ],
  [
    'a row that Kafka does not have',
    { hot: [...SOUND.hot, { offset: 9n, eventId: '9', contentHash: '' }] },
    /@9: in the hot table, not in Kafka/,
  ],
  ['poison outside quarantine', { quarantine: new Map() }, /@1: poison that is not in quarantine/],
  [
    'poison with other bytes',
    { quarantine: new Map([[1n, [Buffer.from('x')]]]) },
    /@1: quarantined with other/,
  ],
  [
    'a good record in quarantine',
    { quarantine: new Map([...SOUND.quarantine, [3n, [Buffer.from('b')]]]) },
    /@3: quarantined, but no poison/,
  ],
  [
    'an archive that ends early',
    { archive: OBJECTS.slice(0, 1) },
    /archived through 2, the last record is 5/,
  ],
  ['a hole between objects', second({ first: 4n }), /two: starts at 4, expected 3/],
  [
    'a record twice in the archive',
    second({ records: RECORDS.slice(2).map(archived) }),
    /@2: twice in the archive/,
  ],
  [
    'a record of another kind',
    secondRecords((one) => ({ ...one, kind: 'tombstone' })),
    /@3: archived as tombstone/,
  ],
  ['another key', secondRecords((one) => ({ ...one, key: null })), /@3: archived key differs/],
  [
    'another value',
    secondRecords((one) => ({ ...one, value: Buffer.from('z') })),
    /@3: archived value differs/,
  ],
  ['another time', secondRecords((one) => ({ ...one, appendTime: 0 })), /@3: archived time differs/],
  ['a missing gap', second({ gaps: [] }), /@4: unaccounted for/],
  [
    'a record listed as a gap',
    second({ gaps: [{ first: 4n, last: 5n, reason: 'control' }] }),
    /@5: a record listed as a gap/,
  ],
  [
    'a loss that nobody accepted',
    second({ gaps: [{ first: 4n, last: 4n, reason: 'lost_accepted' }] }),
    /@4: listed as lost/,
  ],
  ['an accepted loss listed otherwise', { lost: { first: 4n, last: 4n } }, /@4: lost, listed as control/],
])('%s is found', (_, change, violation) => {
  expect(judge(change).violations).toContainEqual(expect.stringMatching(violation))
})

test('lost and doubled records are counted', () => {
  expect(judge({ hot: SOUND.hot.slice(1) }).lost).toBe(1)
  expect(judge({ quarantine: new Map() }).lost).toBe(1)
  expect(judge({ archive: OBJECTS.slice(0, 1) }).lost).toBe(2)
  expect(judge({ hot: [...SOUND.hot, ...SOUND.hot] }).duplicated).toBe(3)
})
