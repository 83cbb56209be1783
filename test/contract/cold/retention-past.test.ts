import { describe, expect, test } from 'vitest'
import { acceptColdLoss } from '../../../operations/accept-cold-loss.ts'
import { type TestArchive, testArchive } from '../../support/cold/archive.ts'
import { keysOf } from '../../support/cold/keys.ts'
import { eventRecords, FIRST_MINUTE, rangeOf } from '../../support/cold/ranges.ts'
import { DAY_MS } from '../../support/cold/sink.ts'

const TOO_OLD = { code: 'DAYBOOK_COLD_RETENTION_PAST', retryable: false }
const RETENTION_MS = 3650 * DAY_MS

const rangeOfAge = (archive: TestArchive, first: bigint, ageMs: number) =>
  rangeOf(archive.partition, eventRecords({ first, count: 3, startMs: FIRST_MINUTE - ageMs }))

/** What its page says that an operator can do. */
describe('records that are older than their class', () => {
  test('are archived as soon as the class is longer', async () => {
    const archive = await testArchive('retention-past')
    const tooOld = rangeOfAge(archive, 0n, RETENTION_MS + DAY_MS)
    const worker = await archive.worker()
    await expect(worker.deliver(tooOld)).rejects.toMatchObject(TOO_OLD)
    expect(await keysOf(archive)).toEqual([])
    const longer = await archive.worker({ retentionMsOf: () => RETENTION_MS + 30 * DAY_MS })
    expect(await longer.deliver(tooOld)).toBe('delivered')
    const [stored] = await keysOf(archive)
    const version = { key: stored?.key ?? '', versionId: stored?.versions[0]?.versionId ?? '' }
    const { mode, retainUntil } = await archive.bucket.store.lockOf(version)
    expect(mode).toBe('COMPLIANCE')
    expect(retainUntil?.getTime()).toBeGreaterThan(FIRST_MINUTE + 28 * DAY_MS)
    const after = await archive.worker()
    expect(await after.deliver(rangeOfAge(archive, 3n, 0))).toBe('delivered')
  })

  test('are passed over when they are gone from Kafka and their loss is accepted', async () => {
    const archive = await testArchive('retention-lost')
    const worker = await archive.worker()
    await expect(worker.deliver(rangeOfAge(archive, 0n, RETENTION_MS + DAY_MS))).rejects.toMatchObject(
      TOO_OLD,
    )
    const { partition, context } = archive
    await acceptColdLoss(context, { partition, first: 0n, last: 2n, reason: 'older than their class' })
    const next = await archive.worker()
    expect(await next.claim.tip()).toMatchObject({ last: null, acceptedLossThrough: 2n })
    const rest = rangeOfAge(archive, 3n, 0)
    const lost = { first: 0n, last: 2n, reason: 'lost_accepted' } as const
    expect(await next.deliver({ ...rest, first: 0n, gaps: [lost] })).toBe('delivered')
    expect((await next.claim.tip()).last).toBe(5n)
  })
})
