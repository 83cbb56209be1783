import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBroker, type TestBroker } from './broker.ts'
import { Collector, startSource } from './collector.ts'

let broker: TestBroker
beforeAll(async () => {
  broker = await openBroker()
})
afterAll(() => broker.close())

const OUT_OF_RANGE = { code: 'DAYBOOK_KAFKA_OFFSET_OUT_OF_RANGE', retryable: false }

describe('a position that the log does not hold', { timeout: 60_000 }, () => {
  it('below the log start is reported, and nothing is handed over or committed', async () => {
    const topic = await broker.createTopic()
    await broker.produce(
      topic,
      Array.from({ length: 10 }, (_, i) => ({ value: `v${i}` })),
    )
    await broker.deleteBefore(topic, 6)
    const collector = new Collector({ position: () => 3n })
    const { source, groupId } = await startSource(broker.brokers, topic, collector)
    await collector.until(() => collector.failures.length > 0)
    const ref = collector.ref()
    await source.stop()
    expect(collector.failures).toEqual([
      { partition: collector.ref(), error: expect.objectContaining(OUT_OF_RANGE) },
    ])
    expect(collector.failures[0]?.error).toMatchObject({
      details: { topic, partition: 0, offset: 3n, topicId: ref.topicId },
    })
    expect(collector.batches).toEqual([])
    expect((await broker.committed(groupId, topic)).get(0)).toBe('-1')
  })

  it('above the log end is reported', async () => {
    const topic = await broker.createTopic()
    await broker.produce(topic, [{ value: 'v' }])
    const collector = new Collector({ position: () => 5n })
    const { source } = await startSource(broker.brokers, topic, collector)
    await collector.until(() => collector.failures.length > 0)
    await source.stop()
    expect(collector.failures).toEqual([
      { partition: collector.ref(), error: expect.objectContaining(OUT_OF_RANGE) },
    ])
  })

  it('after retention ran ahead of a slow listener is reported', async () => {
    const topic = await broker.createTopic()
    const gate = Promise.withResolvers<void>()
    const collector = new Collector({ onAssigned: () => gate.promise })
    await broker.produce(topic, [{ value: 'a' }, { value: 'b' }])
    const { source } = await startSource(broker.brokers, topic, collector)
    await collector.until(() => collector.generations.length === 1)
    await broker.deleteBefore(topic, 1)
    gate.resolve()
    await collector.until(() => collector.failures.length > 0)
    await source.stop()
    expect(collector.failures).toEqual([
      { partition: collector.ref(), error: expect.objectContaining(OUT_OF_RANGE) },
    ])
    expect(collector.batches).toEqual([])
  })
})
