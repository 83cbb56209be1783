import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { PartitionRef } from '../../../consumers/engine/contracts.ts'
import { startWriter, type WriterProcess } from '../../support/hot/child.ts'
import { type HotDatabase, hotDatabase, hotSink } from '../../support/hot/database.ts'
import { eventRange } from '../../support/hot/events.ts'

const forever = new AbortController().signal
const COUNT = 20_000

describe('a writer that stops in mid-insert', () => {
  let db: HotDatabase
  let writer: WriterProcess | null = null
  beforeAll(async () => {
    db = await hotDatabase()
  })
  afterAll(() => db.drop())
  afterEach(async () => {
    await writer?.kill()
    writer = null
  })

  function start(o: { readonly at: string; readonly signal: string }): PartitionRef {
    const topicId = randomUUID()
    const partition = { topic: `t-${topicId}`, topicId, partition: 0 }
    writer = startWriter({ database: db.name, topic: partition.topic, topicId, count: COUNT, ...o })
    return partition
  }
  const held = (ref: PartitionRef) =>
    db.number(`SELECT count() FROM {db}.events WHERE _topic_id = '${ref.topicId}'`)
  const running = (ref: PartitionRef) =>
    db.number(
      `SELECT count() FROM system.processes WHERE position(Settings['log_comment'], '${ref.topicId}/0=') > 0`,
    )

  for (const at of ['send.before', 'send.after', 'effect.before']) {
    it(`frozen at ${at}, it loses the partition to the next owner and never adds a row`, async () => {
      const partition = start({ at, signal: 'SIGSTOP' })
      await writer?.next('stopping')
      const begin = Date.now()
      const sink = hotSink(db)
      const claim = await sink.claim(partition, forever)
      expect(Date.now() - begin).toBeLessThan(30_000)
      expect(await running(partition)).toBe(0)
      expect((await claim.tip()).last).toBeNull()
      const mine = eventRange(partition, 0n, 10)
      expect(await sink.deliver([{ claim, range: mine }], forever)).toEqual(['delivered'])
      writer?.process.kill('SIGCONT')
      expect(await writer?.next('outcome')).toMatchObject({ outcome: 'fenced' })
      expect(await held(partition)).toBe(10)
      expect((await claim.tip()).last).toBe(9n)
      await sink.close()
    })
  }

  it('frozen after its insert took effect, it has delivered, and the next owner sees it', async () => {
    const partition = start({ at: 'effect.after', signal: 'SIGSTOP' })
    await writer?.next('stopping')
    const sink = hotSink(db)
    const claim = await sink.claim(partition, forever)
    expect((await claim.tip()).last).toBe(BigInt(COUNT - 1))
    writer?.process.kill('SIGCONT')
    expect(await writer?.next('outcome')).toMatchObject({ outcome: 'delivered' })
    expect(await held(partition)).toBe(COUNT)
    await sink.close()
  })

  for (const at of ['send.after', 'effect.before']) {
    it(`killed at ${at}, it leaves no row`, async () => {
      const partition = start({ at, signal: 'SIGKILL' })
      await writer?.next('stopping')
      await writer?.kill()
      const sink = hotSink(db)
      const claim = await sink.claim(partition, forever)
      expect((await claim.tip()).last).toBeNull()
      expect(await held(partition)).toBe(0)
      expect(await sink.deliver([{ claim, range: eventRange(partition, 0n, COUNT) }], forever)).toEqual([
        'delivered',
      ])
      expect(await held(partition)).toBe(COUNT)
      await sink.close()
    })
  }
})
