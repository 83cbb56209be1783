import { CompressionTypes, Partitioners } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openBroker, type TestBroker } from './broker.ts'
import { coversExactly, startSource } from './collector.ts'

let broker: TestBroker
beforeAll(async () => {
  broker = await openBroker()
})
afterAll(() => broker.close())

it('a batch that unpacks beyond the bound stops nobody: its bytes are handed over, its neighbours arrive', async () => {
  const topic = await broker.createTopic()
  const producer = broker.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await broker.produce(topic, [{ value: 'before' }])
  const bomb = Array.from({ length: 50 }, () => ({ value: Buffer.alloc(20_000) }))
  await producer.send({ topic, messages: bomb, compression: CompressionTypes.GZIP })
  await producer.disconnect()
  await broker.produce(topic, [{ value: 'after' }])
  const { source, collector } = await startSource(broker.brokers, topic, undefined, {
    tuning: { maxBatchBytes: 100_000 },
  })
  await collector.until(() => collector.covered() === 51n || collector.crashes.length > 0)
  await source.stop()
  expect(collector.crashes).toEqual([])
  expect(coversExactly(collector.batches)).toBe(true)
  const [before, aside, after, ...others] = collector.records()
  expect([before?.value?.toString(), after?.value?.toString(), others]).toEqual(['before', 'after', []])
  expect(aside).toMatchObject({ offset: 1n, fault: { code: 'OVERSIZED' } })
  expect(aside?.value?.length).toBeLessThan(10_000)
  const brokerTime = aside?.appendTime
  expect(brokerTime).toBeGreaterThan(1_600_000_000_000)
  expect(collector.gaps()).toEqual([{ first: 2n, last: 50n, reason: 'quarantined', brokerTime }])
})
