import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { partitionKey } from '../../../consumers/engine/contracts.ts'
import { openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { requireTopic } from '../../../consumers/kafka/client/topic-metadata.ts'
import { heldWithin } from '../../../operations/held-offsets.ts'
import { holesWithin } from '../../../operations/log-holes.ts'
import { openBroker, type TestBroker } from './broker.ts'
import { coversExactly, holesIn, startSource } from './collector.ts'

let broker: TestBroker
beforeAll(async () => {
  broker = await openBroker()
})
afterAll(() => broker.close())

const values = (...names: string[]) => names.map((value) => ({ value }))

describe('offsets without a record', { timeout: 60_000 }, () => {
  it('are gaps with their reason, so that a tail of control records is no lag', async () => {
    const topic = await broker.createTopic()
    await broker.transact(topic, values('a', 'b'), 'commit')
    await broker.transact(topic, values('x', 'y'), 'abort')
    const { source, collector } = await startSource(broker.brokers, topic)
    await collector.until(() => collector.covered() === 5n)
    await source.stop()
    expect(collector.values()).toEqual(['a', 'b'])
    expect(collector.gaps()).toEqual([
      { first: 2n, last: 2n, reason: 'control' },
      { first: 3n, last: 4n, reason: 'aborted' },
      { first: 5n, last: 5n, reason: 'control' },
    ])
    expect(coversExactly(collector.batches)).toBe(true)
    expect(collector.batches.at(-1)?.highWatermark).toBe(6n)
  })

  it('are handed over also when a fetch holds nothing else', async () => {
    const topic = await broker.createTopic()
    await broker.produce(topic, values('a'))
    const { source, collector } = await startSource(broker.brokers, topic)
    await collector.until(() => collector.covered() === 0n)
    await broker.transact(topic, values('x'), 'abort')
    await collector.until(() => collector.covered() === 2n)
    await broker.produce(topic, values('b'))
    await collector.until(() => collector.covered() === 3n)
    await source.stop()
    expect(collector.values()).toEqual(['a', 'b'])
    expect(coversExactly(collector.batches)).toBe(true)
    expect(collector.batches.filter(({ records }) => records.length === 0).length).toBeGreaterThan(0)
  })

  it('are in no gap where compaction removed records: they are lost, and may be accepted as that', async () => {
    const config = {
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.01',
      'max.compaction.lag.ms': '100',
    }
    const topic = await broker.createTopic({ config })
    await broker.produce(topic, [{ key: 'k', value: 'removed' }])
    await broker.transact(topic, [{ key: 'k', value: 'aborted' }], 'abort')
    const cluster = await openCluster(broker.kafka)
    const { topicId } = requireTopic(await cluster.view.metadata([topic]), topic)
    const ref = { topic, topicId, partition: 0 }
    const isLost = async (offset: bigint) =>
      (await heldWithin(cluster.view, ref, { first: offset, last: offset })).kind === 'nothing'
    const before = await Promise.all([0n, 1n, 2n, 99n].map(isLost))
    await vi.waitFor(
      async () => {
        // What is written last is not compacted, and a new segment begins only with a new record.
        await broker.produce(topic, [{ key: 'k', value: 'newer' }])
        expect(await isLost(0n)).toBe(true)
      },
      { timeout: 100_000, interval: 1_000 },
    )
    const { source, collector } = await startSource(broker.brokers, topic)
    await collector.until(() => collector.covered() >= 3n)
    await source.stop()
    const end = (await cluster.view.bounds([ref])).get(partitionKey(ref))?.logEnd ?? 0n
    const found = await holesWithin(cluster.view, ref, { first: 0n, last: end - 1n })
    const beyond = await holesWithin(cluster.view, ref, { first: 0n, last: end })
    await cluster.close()
    expect(beyond).toEqual({ kind: 'not-written', logEnd: end })
    expect(found).toMatchObject({ kind: 'read' })
    const holes = found.kind === 'read' ? found.holes : []
    expect(holes[0]?.first).toBe(0n)
    // The newest record of a key is never removed.
    expect(holes.every(({ first, last }) => first <= last && last < end - 1n)).toBe(true)
    // A marker is no record, an aborted record neither.
    expect(before).toEqual([false, true, true, false])
    expect(collector.batches[0]?.first).toBe(0n)
    expect(holesIn(collector.batches)).toContain(0n)
    expect(collector.values()).not.toContain('removed')
  }, 120_000)

  it('are holes only where nothing explains them: markers and aborted records are none', async () => {
    const topic = await broker.createTopic()
    await broker.produce(topic, values('a', 'b', 'c'))
    await broker.transact(topic, values('d'), 'commit')
    await broker.transact(topic, values('x', 'y'), 'abort')
    await broker.produce(topic, values('e'))
    await broker.deleteBefore(topic, 2)
    const cluster = await openCluster(broker.kafka)
    const { topicId } = requireTopic(await cluster.view.metadata([topic]), topic)
    const ref = { topic, topicId, partition: 0 }
    const within = (first: bigint, last: bigint) => holesWithin(cluster.view, ref, { first, last })
    const found = await Promise.all([within(0n, 8n), within(0n, 0n), within(3n, 7n)])
    const beyond = await within(0n, 9n)
    await cluster.close()
    expect(found).toEqual([
      { kind: 'read', holes: [{ first: 0n, last: 1n }] },
      { kind: 'read', holes: [{ first: 0n, last: 0n }] },
      { kind: 'read', holes: [] },
    ])
    expect(beyond).toEqual({ kind: 'not-written', logEnd: 9n })
  })

  it('do not arise from an open transaction: nothing of it is handed over before its end', async () => {
    const topic = await broker.createTopic()
    const producer = broker.kafka.producer({
      transactionalId: topic,
      idempotent: true,
      maxInFlightRequests: 1,
    })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: values('open') })
    await broker.produce(topic, values('behind'))
    const { source, collector } = await startSource(broker.brokers, topic)
    await collector.until(() => collector.generations.length === 1)
    const before = collector.covered()
    const [ref] = collector.generations[0]?.partitions ?? []
    const cluster = await openCluster(broker.kafka)
    const hidden = ref && holesWithin(cluster.view, ref.partition, { first: 0n, last: 1n })
    await expect(hidden).rejects.toMatchObject({ code: 'DAYBOOK_KAFKA_BROKER', retryable: true })
    await cluster.close()
    const bounds = await source.bounds(ref === undefined ? [] : [ref.partition])
    expect([...bounds.values()]).toEqual([{ logStart: 0n, logEnd: 2n, readableEnd: 0n }])
    await transaction.abort()
    await collector.until(() => collector.covered() === 2n)
    await source.stop()
    await producer.disconnect()
    expect(before).toBe(-1n)
    expect(collector.values()).toEqual(['behind'])
    expect(coversExactly(collector.batches)).toBe(true)
  })
})
