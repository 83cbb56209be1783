import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DaybookError } from '../../../schemas/errors.ts'
import { openBroker, type TestBroker } from './broker.ts'
import { Collector, coversExactly, startSource } from './collector.ts'

const at = (position: bigint) => ({ position, note: null })

let broker: TestBroker
beforeAll(async () => {
  broker = await openBroker()
})
afterAll(() => broker.close())

const numbered = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ key: `k${from + i}`, value: `v${from + i}` }))

describe('the Kafka source', { timeout: 60_000 }, () => {
  it('hands every record over once, in offset order, and covers every offset', async () => {
    const topic = await broker.createTopic({ partitions: 3 })
    await broker.produce(topic, numbered(0, 500))
    const { source, collector } = await startSource(broker.brokers, topic)
    const count = () => collector.batches.reduce((sum, { records }) => sum + records.length, 0)
    await collector.until(() => count() === 500)
    await broker.produce(topic, numbered(500, 500))
    await collector.until(() => count() === 1000)
    await source.stop()
    const values = [0, 1, 2].flatMap((partition) => collector.values(partition))
    expect(new Set(values).size).toBe(1000)
    for (const partition of [0, 1, 2]) expect(coversExactly(collector.of(partition))).toBe(true)
    expect(collector.crashes).toEqual([])
  })

  it('serves every partition in its turn when an answer cannot hold them all', async () => {
    const topic = await broker.createTopic({ partitions: 4 })
    for (let round = 0; round < 10; round++)
      for (const partition of [0, 1, 2, 3])
        await broker.produce(topic, [{ partition, key: null, value: 'x'.repeat(10_000) }])
    const tuning = { maxFetchBytes: 20_000, maxBytesPerPartition: 10_000 }
    const { source, collector } = await startSource(broker.brokers, topic, new Collector(), { tuning })
    await collector.until(() => [0, 1, 2, 3].some((partition) => collector.records(partition).length === 10))
    await source.stop()
    for (const partition of [0, 1, 2, 3])
      expect(collector.records(partition).length).toBeGreaterThanOrEqual(7)
  })

  it('tells null from empty in keys and values, and is not disturbed by headers', async () => {
    const topic = await broker.createTopic()
    await broker.produce(topic, [
      { key: null, value: null },
      { key: '', value: '' },
      { key: 'k', value: 'v', headers: { a: ['1', '2'], b: 'x' } },
      { key: 'k', value: null },
    ])
    const { source, collector } = await startSource(broker.brokers, topic)
    await collector.until(() => collector.covered() === 3n)
    await source.stop()
    const pairs = collector
      .records()
      .map(({ key, value }) => [key?.toString() ?? null, value?.toString() ?? null])
    expect(pairs).toEqual([
      [null, null],
      ['', ''],
      ['k', 'v'],
      ['k', null],
    ])
  })

  it('gives the append time of the broker', async () => {
    const topic = await broker.createTopic()
    const before = Date.now()
    await broker.produce(topic, [{ value: 'v', timestamp: '1000' }])
    const { source, collector } = await startSource(broker.brokers, topic)
    await collector.until(() => collector.records().length === 1)
    await source.stop()
    const [record] = collector.records()
    expect(record?.appendTime).toBeGreaterThanOrEqual(before - 1_000)
    expect(record?.appendTime).toBeLessThanOrEqual(Date.now() + 1_000)
  })

  it('begins exactly at the position that the listener gives, also within a batch, whatever was committed', async () => {
    const topic = await broker.createTopic()
    await broker.produce(topic, numbered(0, 100))
    const collector = new Collector({ position: () => 42n })
    const { source, groupId } = await startSource(broker.brokers, topic, collector)
    await collector.until(() => collector.covered() === 99n)
    await source.commit(1, new Map([[collector.ref(), at(90n)]]))
    await source.stop()
    expect(collector.of(0)[0]?.first).toBe(42n)
    expect(collector.values()[0]).toBe('v42')

    const again = new Collector({ position: () => 7n })
    const second = await startSource(broker.brokers, topic, again, { groupId })
    await again.until(() => again.covered() === 99n)
    await second.source.stop()
    expect(again.generations[0]?.partitions[0]?.facts).toMatchObject({ committed: { position: 90n } })
    expect(again.of(0)[0]?.first).toBe(7n)
    expect(again.values()).toHaveLength(93)
  })

  it('says where the log begins and ends, and that nothing is committed', async () => {
    const topic = await broker.createTopic()
    await broker.produce(topic, numbered(0, 10))
    await broker.deleteBefore(topic, 4)
    const { source, collector } = await startSource(broker.brokers, topic)
    await collector.until(() => collector.covered() === 9n)
    const bounds = await source.bounds([collector.ref()])
    await source.stop()
    expect(collector.generations[0]?.partitions[0]?.facts).toMatchObject({
      logStart: 4n,
      logEnd: 10n,
      committed: null,
    })
    expect([...bounds.values()]).toEqual([{ logStart: 4n, logEnd: 10n, readableEnd: 10n }])
  })

  it('does not fetch a paused partition and goes on where it was', async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    const { source, collector } = await startSource(broker.brokers, topic)
    await broker.produce(topic, [
      { partition: 0, value: 'a' },
      { partition: 1, value: 'b' },
    ])
    await collector.until(() => collector.covered(0) === 0n && collector.covered(1) === 0n)
    source.pause([collector.ref(0)])
    // A fetch that was under way when the pause came may still bring one more batch of partition 0.
    await broker.produce(topic, [{ partition: 1, value: 'b2' }])
    await collector.until(() => collector.covered(1) === 1n)
    await broker.produce(topic, [{ partition: 1, value: 'b3' }])
    await collector.until(() => collector.covered(1) === 2n)
    await broker.produce(topic, [
      { partition: 0, value: 'a2' },
      { partition: 1, value: 'b4' },
    ])
    await collector.until(() => collector.covered(1) === 3n)
    await broker.produce(topic, [{ partition: 1, value: 'b5' }])
    await collector.until(() => collector.covered(1) === 4n)
    expect(collector.values(0)).toEqual(['a'])
    source.resume([collector.ref(0)])
    await collector.until(() => collector.covered(0) === 1n)
    await source.stop()
    expect(collector.values(0)).toEqual(['a', 'a2'])
  })

  it('keeps its place in the group while the listener takes longer than the session', async () => {
    const topic = await broker.createTopic()
    await broker.produce(topic, numbered(0, 10))
    // A session that a busy machine does not break either: only the listener is to be slow.
    const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 12_000))
    const collector = new Collector({ onAssigned: slow, onBatch: slow })
    const tuning = { sessionTimeoutMs: 10_000, heartbeatIntervalMs: 500 }
    const { source, groupId } = await startSource(broker.brokers, topic, collector, { tuning })
    await collector.until(() => collector.covered() === 9n)
    await source.commit(1, new Map([[collector.ref(), at(10n)]]))
    expect((await broker.committed(groupId, topic)).get(0)).toBe('10')
    expect(collector.generations).toHaveLength(1)
    await source.stop()
  }, 120_000)

  it('hands nothing over before `assigned` has ended', async () => {
    const topic = await broker.createTopic()
    await broker.produce(topic, numbered(0, 10))
    const gate = Promise.withResolvers<void>()
    let isOpen = false
    const early: boolean[] = []
    const collector = new Collector({
      onAssigned: () => gate.promise,
      onBatch: async () => {
        early.push(!isOpen)
      },
    })
    const { source } = await startSource(broker.brokers, topic, collector)
    await collector.until(() => collector.generations.length === 1)
    await source.bounds([collector.ref()])
    isOpen = true
    gate.resolve()
    await collector.until(() => collector.covered() === 9n)
    await source.stop()
    expect(early).not.toContain(true)
  })

  it('commits while it is quiet, hands nothing more over, and refuses after it has left', async () => {
    const topic = await broker.createTopic()
    await broker.produce(topic, numbered(0, 10))
    const { source, collector, groupId } = await startSource(broker.brokers, topic)
    await collector.until(() => collector.covered() === 9n)
    await source.quiesce()
    await broker.produce(topic, numbered(10, 10))
    await source.commit(1, new Map([[collector.ref(), at(5n)]]))
    expect((await broker.committed(groupId, topic)).get(0)).toBe('5')
    const ref = collector.ref()
    await source.stop()
    expect(collector.covered()).toBe(9n)
    await expect(source.commit(1, new Map([[ref, at(6n)]]))).rejects.toMatchObject({
      code: 'DAYBOOK_KAFKA_GENERATION_OVER',
    } satisfies Partial<DaybookError>)
    expect((await broker.committed(groupId, topic)).get(0)).toBe('5')
  })
})
