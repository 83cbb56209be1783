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

  it('that changes under a running source is reported; only the new generation reads the new topic', async () => {
    const topic = await broker.createTopic()
    await broker.produce(topic, [{ value: 'old' }])
    const collector = new Collector()
    const { source } = await startSource(broker.brokers, topic, collector, {
      tuning: { metadataMaxAgeMs: 1_000, settingsCheckMs: 300 },
    })
    await collector.until(() => collector.covered() === 0n)
    const before = collector.ref()
    await remake(broker, topic)
    await broker.produce(topic, [{ value: 'new0' }, { value: 'new1' }])
    await collector.until(() => collector.values().length === 3)
    await source.stop()
    expect(collector.ref().topicId).not.toBe(before.topicId)
    expect(collector.crashes).toEqual([])
    for (const { partition, records } of collector.batches) {
      const isOld = partition.topicId === before.topicId
      for (const { value } of records) expect(value?.toString().startsWith('old')).toBe(isOld)
    }
  })
})
