import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PartitionRef } from '../../../consumers/engine/contracts.ts'
import { type HotDatabase, hotDatabase, hotSink } from '../../support/hot/database.ts'
import { eventRange } from '../../support/hot/events.ts'

const signal = new AbortController().signal

function partition(n: number, topicId: string = randomUUID()): PartitionRef {
  return { topic: `t-${topicId.slice(0, 8)}`, topicId, partition: n }
}

describe('hot sink', () => {
  let db: HotDatabase
  beforeAll(async () => {
    db = await hotDatabase()
  })
  afterAll(() => db.drop())

  it('writes ranges of several partitions as one part and reports them as its tip', async () => {
    const sink = hotSink(db)
    const topicId = randomUUID()
    const refs = [partition(0, topicId), partition(1, topicId)]
    const claims = await Promise.all(refs.map((ref) => sink.claim(ref, signal)))
    const ranges = refs.map((ref) => eventRange(ref, 0n, 5000))
    const deliveries = claims.map((claim, i) => ({
      claim,
      range: ranges[i] ?? eventRange(claim.partition, 0n, 1),
    }))
    expect(await sink.deliver(deliveries, signal)).toEqual(['delivered', 'delivered'])
    expect(await db.number(`SELECT count() FROM {db}.events WHERE _topic_id = '${topicId}'`)).toBe(10_000)
    expect(await db.number(`SELECT uniqExact(_part) FROM {db}.events WHERE _topic_id = '${topicId}'`)).toBe(1)
    const tip = await claims[1]?.tip()
    expect(tip?.last).toBe(4999n)
    const last = ranges[1]?.records.at(-1)
    if (last === undefined || tip === undefined) throw new Error('no record')
    expect(tip.lastRecord).toEqual({
      offset: 4999n,
      hash: sink.fingerprint(last, refs[1] ?? partition(1)),
      kind: 'event',
    })
    await sink.close()
  })

  it('takes several partitions over at once, each with what it holds itself', async () => {
    const topicId = randomUUID()
    const refs = [0, 1, 2].map((n) => partition(n, topicId))
    const before = hotSink(db)
    for (const [n, ref] of refs.entries()) {
      const claim = await before.claim(ref, signal)
      await before.deliver([{ claim, range: eventRange(ref, 0n, n + 1) }], signal)
    }
    await before.close()
    const sink = hotSink(db)
    const claims = await Promise.all(refs.map((ref) => sink.claim(ref, signal)))
    const tips = await Promise.all(claims.map((claim) => claim.tip()))
    expect(tips.map(({ last }) => last)).toEqual([0n, 1n, 2n])
    expect(tips.map(({ lastRecord }) => lastRecord?.offset)).toEqual([0n, 1n, 2n])
    const owners = await db.rows<{ owners: string }>(
      `SELECT toString(uniqExact(owner)) AS owners FROM {db}.fence WHERE topic_id = '${topicId}' GROUP BY partition`,
    )
    expect(owners).toEqual([{ owners: '2' }, { owners: '2' }, { owners: '2' }])
    await sink.close()
  })
})
