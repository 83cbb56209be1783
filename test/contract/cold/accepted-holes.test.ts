import { expect, test } from 'vitest'
import { acceptColdLoss } from '../../../operations/accept-cold-loss.ts'
import { acceptKey } from '../../../schemas/archive/key.ts'
import { readObjectHeader } from '../../../schemas/archive/object.ts'
import { testArchive } from '../../support/cold/archive.ts'
import { keysOf } from '../../support/cold/keys.ts'
import { eventRecords, rangeOf } from '../../support/cold/ranges.ts'

test('an acceptance that has records in it holds until the last hole is behind the tip, and each is archived', async () => {
  const archive = await testArchive('accepted-holes')
  const { partition, context } = archive
  const loss = { partition, first: 0n, last: 6n, reason: 'compacted', found: { holes: 4, lost: 4n } }
  expect.assertions(9)
  expect(await acceptColdLoss(context, loss)).toBe('accepted')
  const key = acceptKey(partition, 0n, 6n)
  for await (const entry of archive.bucket.store.list({ prefix: key })) {
    if (!('key' in entry)) continue
    const bytes = await archive.bucket.store.read({ key, versionId: entry.versions[0]?.versionId ?? '' })
    expect(JSON.parse(Buffer.from(bytes).toString()).note).toMatch(/^holes 4\nlost 4$/m)
  }
  const worker = await archive.worker()
  for (const survivor of [1n, 3n, 5n]) {
    const lost = { first: survivor - 1n, last: survivor - 1n, reason: 'lost_accepted' } as const
    const range = rangeOf(partition, eventRecords({ first: survivor, count: 1 }), [lost])
    expect(await worker.deliver(range)).toBe('delivered')
    expect(await worker.claim.tip()).toMatchObject({ last: survivor, acceptedLossThrough: 6n })
  }
  const headers = await Promise.all(
    (await keysOf(archive)).map(async ({ key, versions }) => {
      const bytes = await archive.bucket.store.read({ key, versionId: versions[0]?.versionId ?? '' })
      return readObjectHeader(bytes).header
    }),
  )
  expect(headers.map(({ last, gaps }) => [last, gaps])).toEqual(
    [1n, 3n, 5n].map((last) => [last, [{ first: last - 1n, last: last - 1n, reason: 'lost_accepted' }]]),
  )
})
