import { expect, test } from 'vitest'
import type { SourceRecord } from '../../../consumers/engine/source-record.ts'
import { readObject } from '../../../schemas/archive/object.ts'
import { type TestArchive, testArchive } from '../../support/cold/archive.ts'
import { keysOf } from '../../support/cold/keys.ts'
import { eventRecords, rangeOf } from '../../support/cold/ranges.ts'
import { changed } from '../../support/records.ts'

const records = eventRecords({ first: 0n, count: 20 })
const NEWER = { code: 'DAYBOOK_COLD_READER_NEWER', scope: 'partition', retryable: false }

/** What another version of the reader makes of the batch 10..14: one record that stands for it. */
function asBroken(archive: TestArchive, all: readonly SourceRecord[] = records) {
  const broken = all.flatMap((record) => {
    const at = Number(record.offset)
    if (at === 10) return [changed(record, { value: Buffer.from('a batch') })]
    return at > 10 && at < 15 ? [] : [record]
  })
  return rangeOf(archive.partition, broken, [{ first: 11n, last: 14n, reason: 'quarantined' }])
}

async function versions(archive: TestArchive): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = []
  for (const { key, versions } of await keysOf(archive)) {
    const versionId = versions[0]?.versionId ?? ''
    const { signed } = readObject(await archive.bucket.store.read({ key, versionId }))
    found.push(signed.get('daybook.reader')?.toString())
  }
  return found
}

test('an older worker yields to a newer one, whatever it has written before', async () => {
  const archive = await testArchive('reader-yield')
  const [older, newer] = [
    await archive.worker({ readerVersion: 1 }),
    await archive.worker({ readerVersion: 2 }),
  ]
  expect(await older.deliver(rangeOf(archive.partition, records.slice(0, 5)))).toBe('delivered')
  expect((await newer.claim.tip()).last).toBe(4n)
  expect(await newer.deliver(rangeOf(archive.partition, records.slice(5)))).toBe('delivered')
  await expect(older.deliver(rangeOf(archive.partition, records.slice(5)))).rejects.toMatchObject(NEWER)
  await expect(older.claim.tip()).rejects.toMatchObject(NEWER)
  await expect(archive.worker({ readerVersion: 1 })).rejects.toMatchObject(NEWER)
  const upgraded = await archive.worker({ readerVersion: 2 })
  const next = rangeOf(archive.partition, eventRecords({ first: 20n, count: 2 }))
  expect(await upgraded.deliver(next)).toBe('delivered')
  expect(await versions(archive)).toEqual(['1', '2', '2'])
})

test('a newer worker takes over what an older one read otherwise, and the tree goes on from it', async () => {
  const archive = await testArchive('reader-take-over')
  const [older, newer] = [
    await archive.worker({ readerVersion: 1 }),
    await archive.worker({ readerVersion: 2 }),
  ]
  expect(await older.deliver(asBroken(archive))).toBe('delivered')
  expect(await newer.deliver(rangeOf(archive.partition, records))).toBe('delivered')
  const next = rangeOf(archive.partition, eventRecords({ first: 20n, count: 2 }))
  expect(await newer.deliver(next)).toBe('delivered')
  expect(await versions(archive)).toEqual(['1', '2'])
  expect((await (await archive.worker({ readerVersion: 2 })).claim.tip()).last).toBe(21n)
})

test('a newer worker whose range ends elsewhere is fenced and goes on behind the older one', async () => {
  const archive = await testArchive('reader-fenced')
  const [older, newer] = [
    await archive.worker({ readerVersion: 1 }),
    await archive.worker({ readerVersion: 2 }),
  ]
  expect(await older.deliver(asBroken(archive, records.slice(0, 18)))).toBe('delivered')
  expect(await newer.deliver(rangeOf(archive.partition, records))).toBe('fenced')
  expect(await newer.claim.tip()).toMatchObject({ last: 17n, lastRecord: null })
  expect(await newer.deliver(rangeOf(archive.partition, records.slice(18)))).toBe('delivered')
})

test('workers of one version still contradict each other', async () => {
  const archive = await testArchive('reader-same')
  const [a, b] = [await archive.worker({ readerVersion: 2 }), await archive.worker({ readerVersion: 2 })]
  expect(await a.deliver(asBroken(archive))).toBe('delivered')
  const other = b.deliver(rangeOf(archive.partition, records))
  await expect(other).rejects.toMatchObject({ code: 'DAYBOOK_COLD_CONTRADICTED' })
  const tip = await (await archive.worker({ readerVersion: 2 })).claim.tip()
  expect(tip.lastRecord?.offset).toBe(19n)
})

test('two versions that race over many ranges never fork the tree', { timeout: 60_000 }, async () => {
  const archive = await testArchive('reader-race')
  const [older, newer] = [
    await archive.worker({ readerVersion: 1 }),
    await archive.worker({ readerVersion: 2 }),
  ]
  const all = eventRecords({ first: 0n, count: 60 })
  const race = async (worker: typeof older, step: number, isBroken: boolean) => {
    for (;;) {
      const from = Number((await worker.claim.tip()).last ?? -1n) + 1
      if (from >= all.length) return 'done'
      const part = all.slice(from, from + step)
      const value = Buffer.from('a batch')
      const seen = isBroken ? part.map((record) => changed(record, { value })) : part
      await worker.deliver(rangeOf(archive.partition, seen))
    }
  }
  const [first, second] = await Promise.allSettled([race(older, 3, true), race(newer, 4, false)])
  expect(second).toEqual({ status: 'fulfilled', value: 'done' })
  if (first.status === 'rejected') expect(first.reason).toMatchObject(NEWER)
  const found = await versions(archive)
  expect(found).toEqual([...found].sort())
  // A new worker verifies the last object; each one before it is what the next one continues.
  const checker = await archive.worker({ readerVersion: 2 })
  expect((await checker.claim.tip()).last).toBe(59n)
  const next = rangeOf(archive.partition, eventRecords({ first: 60n, count: 2 }))
  expect(await checker.deliver(next)).toBe('delivered')
  let [end, size] = [0n, 0n]
  for (const { key, versions: ids } of await keysOf(archive)) {
    const { header } = readObject(
      await archive.bucket.store.read({ key, versionId: ids[0]?.versionId ?? '' }),
    )
    expect([header.first, header.treeSize]).toEqual([end, size])
    ;[end, size] = [header.last + 1n, size + header.last - header.first + 1n]
  }
})

test('an object without a reader version counts as version 0', async () => {
  const archive = await testArchive('reader-none')
  const oldest = await archive.worker({ readerVersion: 0 })
  expect(await oldest.deliver(rangeOf(archive.partition, records.slice(0, 5)))).toBe('delivered')
  const newer = await archive.worker({ readerVersion: 1 })
  expect(await newer.deliver(rangeOf(archive.partition, records.slice(5)))).toBe('delivered')
  await expect(archive.worker({ readerVersion: 0 })).rejects.toMatchObject(NEWER)
})
