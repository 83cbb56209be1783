import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { javaClient, openBroker, type TestBroker, withoutJava } from './broker.ts'
import { coversExactly, startSource } from './collector.ts'

const COUNT = 5_000
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

let broker: TestBroker
const topics = new Map<string, string>()
beforeAll(async () => {
  broker = await openBroker()
  if (withoutJava) return
  for (const codec of CODECS) topics.set(codec, await broker.createTopic())
  const pairs = [...topics].map(([codec, topic]) => `${codec}=${topic}`)
  await javaClient([broker.brokers.join(','), 'produce', String(COUNT), ...pairs])
}, 60_000)
afterAll(() => broker.close())

function expected(): (string | null)[] {
  return Array.from({ length: COUNT }, (_, i) => (i % 10 === 9 ? null : `v${i}-${'x'.repeat(i % 300)}`))
}

describe.skipIf(withoutJava)("batches of Kafka's own producer", { timeout: 60_000 }, () => {
  it.each(CODECS)('compressed with %s are read byte for byte', async (codec) => {
    const topic = topics.get(codec) ?? ''
    const { source, collector } = await startSource(broker.brokers, topic)
    await collector.until(() => collector.covered() === BigInt(COUNT - 1) || collector.crashes.length > 0)
    await source.stop()
    expect(collector.crashes).toEqual([])
    expect(collector.records().map(({ value }) => value?.toString('utf8') ?? null)).toEqual(expected())
    expect(collector.records().map(({ key }) => key?.toString('utf8'))).toEqual(
      Array.from({ length: COUNT }, (_, i) => `k${i}`),
    )
    expect(coversExactly(collector.batches)).toBe(true)
  })

  it('that decompress to more than a batch may are handed over as they are', async () => {
    const topic = topics.get('zstd') ?? ''
    const { source, collector } = await startSource(broker.brokers, topic, undefined, {
      tuning: { maxBatchBytes: 100_000 },
    })
    await collector.until(() => collector.covered() === BigInt(COUNT - 1) || collector.crashes.length > 0)
    await source.stop()
    expect(collector.crashes).toEqual([])
    expect(coversExactly(collector.batches)).toBe(true)
    const aside = collector.records().filter(({ fault }) => fault !== undefined)
    expect(aside[0]?.fault?.code).toBe('OVERSIZED')
    expect(aside[0]?.value?.readInt8(16)).toBe(2)
  })
})
