import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { javaClient, openBroker, type TestBroker, withoutJava } from './broker.ts'
import { Collector, startSource } from './collector.ts'
import { remake } from './topic-changes.ts'

let broker: TestBroker
beforeAll(async () => {
  broker = await openBroker()
})
afterAll(() => broker.close())

/** Kafka prints ids as URL-safe Base64 of the 16 bytes. */
function canonical(base64: string): string {
  const hex = Buffer.from(base64, 'base64url').toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

describe('the topic id', { timeout: 60_000 }, () => {
  it.skipIf(withoutJava)(
    "is the one that Kafka's own client sees, also after the topic was remade",
    async () => {
      const topic = await broker.createTopic()
      for (const round of [1, 2]) {
        const described = await javaClient([broker.brokers.join(','), 'id', topic])
        const { source, collector } = await startSource(broker.brokers, topic)
        await collector.until(() => collector.generations.length === 1)
        await source.stop()
        expect(collector.ref().topicId).toBe(canonical(described.trim()))
        if (round === 1) await remake(broker, topic)
      }
    },
  )

  it('that changes under a running source ends it, and nothing of the new topic is handed over', async () => {
    const topic = await broker.createTopic()
    await broker.produce(topic, [{ value: 'old' }])
    const collector = new Collector()
    const { source } = await startSource(broker.brokers, topic, collector, {
      tuning: { metadataMaxAgeMs: 1_000 },
    })
    await collector.until(() => collector.covered() === 0n)
    await remake(broker, topic)
    await broker.produce(topic, [{ value: 'new0' }, { value: 'new1' }])
    await collector.until(() => collector.crashes.length > 0)
    await source.stop()
    expect(collector.crashes).toEqual([
      expect.objectContaining({ code: 'DAYBOOK_KAFKA_TOPIC_RECREATED', retryable: false }),
    ])
    expect(collector.values()).toEqual(['old'])
  })
})
