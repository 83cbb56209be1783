import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBroker, type TestBroker } from './broker.ts'
import { coversExactly, startSource } from './collector.ts'

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

  it('are absent ones where compaction removed records', async () => {
    const config = {
      'cleanup.policy': 'compact',
      'segment.bytes': '1048576',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.01',
      'max.compaction.lag.ms': '1000',
    }
    const topic = await broker.createTopic({ config })
    await broker.transact(topic, [{ key: 'k', value: '1' }], 'commit')
    const aborted = broker.transact(topic, [{ key: 'k', value: '2' }], 'abort')
    await aborted
    await broker.produce(topic, [{ key: 'k', value: '3' }])
    const { source, collector } = await startSource(broker.brokers, topic)
    await collector.until(() => collector.covered() === 4n)
    await source.stop()
    expect(coversExactly(collector.batches)).toBe(true)
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
    await transaction.abort()
    await collector.until(() => collector.covered() === 2n)
    await source.stop()
    await producer.disconnect()
    expect(before).toBe(-1n)
    expect(collector.values()).toEqual(['behind'])
    expect(coversExactly(collector.batches)).toBe(true)
  })
})
