import { expect, test } from 'vitest'
import { initArchive } from '../../../consumers/cold/init.ts'
import { createColdSink } from '../../../consumers/cold/sink.ts'
import { lastObject } from '../../../consumers/cold/stored-objects.ts'
import { SourceRecord } from '../../../consumers/engine/source-record.ts'
import { readObject } from '../../../schemas/archive/object.ts'
import { testBucket } from '../../support/cold/bucket.ts'
import { eventRecords, rangeOf, testPartition } from '../../support/cold/ranges.ts'
import { coldContext, coldOptions } from '../../support/cold/sink.ts'
import { contentOf } from '../../support/records.ts'

const signal = new AbortController().signal

test('a delivered range lies locked in the store, and gives key and value of every record back', async () => {
  const bucket = await testBucket('round-trip')
  const context = coldContext(bucket.store)
  const partition = testPartition()
  await initArchive(context, { partition, reason: 'test' })
  const sink = createColdSink(coldOptions(context))
  const claim = await sink.claim(partition, signal)
  expect(await claim.tip()).toEqual({ last: null, lastRecord: null, acceptedLossThrough: null })

  const events = eventRecords({ first: 0n, count: 100 })
  const records = [
    ...events,
    SourceRecord.of({ offset: 100n, appendTime: 1, key: null, value: null }),
    SourceRecord.of({ offset: 101n, appendTime: 1, key: Buffer.alloc(0), value: Buffer.alloc(0) }),
    SourceRecord.of({ offset: 104n, appendTime: 1, key: Buffer.from('k'), value: Buffer.from('no event') }),
  ]
  const range = rangeOf(partition, records, [{ first: 102n, last: 103n, reason: 'control' }])
  expect(await sink.deliver([{ claim, range }], signal)).toEqual(['delivered'])

  const stored = await lastObject(context, partition, { after: null })
  const version = stored?.versions[0]
  if (stored === null || version === undefined) throw new Error('nothing is stored')
  expect(stored.versions).toHaveLength(1)
  const lock = await bucket.store.lockOf({ key: stored.key, versionId: version.versionId })
  expect(lock.mode).toBe('COMPLIANCE')

  const object = readObject(await bucket.store.read({ key: stored.key, versionId: version.versionId }))
  expect([...object.records()].map(contentOf)).toEqual(records.map(contentOf))
  expect(object.header.counts).toEqual({ event: 100, tombstone: 1, quarantined: 2 })

  const tip = await (await sink.claim(partition, signal)).tip()
  expect(tip.last).toBe(104n)
  const last = range.records.at(-1)
  expect(tip.lastRecord?.hash).toEqual(last && sink.fingerprint(last, partition))
})
