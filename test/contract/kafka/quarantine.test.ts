import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CheckedRecord, PartitionRef } from '../../../consumers/engine/contracts.ts'
import { SourceRecord } from '../../../consumers/engine/source-record.ts'
import { openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { readTopic, type TopicRecord } from '../../../consumers/kafka/fetch/topic-reader.ts'
import { createQuarantineWriter } from '../../../consumers/kafka/quarantine/quarantine-writer.ts'
import { listQuarantine } from '../../../operations/quarantine-list.ts'
import { replayQuarantine } from '../../../operations/quarantine-replay.ts'
import { openBroker, type TestBroker } from './broker.ts'

let broker: TestBroker
beforeAll(async () => {
  broker = await openBroker()
})
afterAll(() => broker.close())

const topicId = '0b2e8a1c-1111-4222-8333-444455556666'

function bad(
  offset: bigint,
  value: Buffer | null,
  key: Buffer | null = Buffer.from([1, 2, 255]),
): CheckedRecord {
  return {
    record: SourceRecord.of({ offset, appendTime: 1_700_000_000_000, key, value }),
    verdict: { kind: 'bad', code: 'MALFORMED', reason: 'cut off in actor.id', schemaId: 7 },
  }
}

async function readAll(topic: string): Promise<TopicRecord[]> {
  const { view, close } = await openCluster(broker.kafka)
  try {
    const all: TopicRecord[] = []
    for await (const one of readTopic(view, topic)) all.push(one)
    return all
  } finally {
    await close()
  }
}

describe('the quarantine topic', { timeout: 30_000 }, () => {
  it('holds the original bytes, with where they came from and why in headers', async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    const quarantine = createQuarantineWriter({ brokers: broker.brokers, topic })
    const from: PartitionRef = { topic: 'audit.events.standard', topicId, partition: 3 }
    const value = Buffer.from([0, 0, 0, 0, 7, 0xff, 0xfe])
    await quarantine.put(from, [
      bad(12n, value),
      bad(13n, Buffer.alloc(0), null),
      { record: bad(14n, value).record, verdict: { kind: 'tombstone' } },
    ])
    await quarantine.put(from, [bad(12n, value)])
    await quarantine.close()
    const listing = await listQuarantine({ brokers: broker.brokers, topic, maxEntries: 10 })
    expect(listing).toMatchObject({ scanned: 3, foreign: 0, isTruncated: false })
    expect(listing.entries.toSorted((a, b) => Number(a.offset - b.offset))).toEqual([
      {
        partition: from,
        offset: 12n,
        appendTime: 1_700_000_000_000,
        schemaId: 7,
        code: 'MALFORMED',
        reason: 'cut off in actor.id',
        isBatch: false,
        key: Buffer.from([1, 2, 255]),
        value,
      },
      expect.objectContaining({ offset: 13n, key: null, value: Buffer.alloc(0) }),
    ])
    const keys = (await readAll(topic)).map(({ record }) => record.key?.toString('utf8'))
    expect(new Set(keys)).toEqual(new Set(['audit.events.standard:3:12', 'audit.events.standard:3:13']))
  })

  it('takes more than one request can hold, in one put', async () => {
    const topic = await broker.createTopic()
    const quarantine = createQuarantineWriter({ brokers: broker.brokers, topic })
    const value = Buffer.alloc(300_000, 1)
    const records = Array.from({ length: 10 }, (_, i) => bad(BigInt(i), value))
    await quarantine.put({ topic: 't', topicId, partition: 0 }, records)
    await quarantine.close()
    const listing = await listQuarantine({ brokers: broker.brokers, topic, maxEntries: 100 })
    expect(listing.entries.map(({ offset }) => offset)).toEqual(records.map(({ record }) => record.offset))
  })

  it('says so when it refuses a record for its size', async () => {
    const topic = await broker.createTopic({ config: { 'max.message.bytes': '2000' } })
    const quarantine = createQuarantineWriter({ brokers: broker.brokers, topic })
    const put = quarantine.put({ topic: 't', topicId, partition: 0 }, [bad(1n, Buffer.alloc(5_000))])
    await expect(put).rejects.toMatchObject({ code: 'DAYBOOK_KAFKA_RECORD_TOO_LARGE', retryable: false })
    await quarantine.close()
  })

  it('stops listing at the bound, and can be asked for some entries only', async () => {
    const topic = await broker.createTopic()
    const quarantine = createQuarantineWriter({ brokers: broker.brokers, topic })
    const records = Array.from({ length: 10 }, (_, i) => bad(BigInt(i), Buffer.from('x')))
    await quarantine.put({ topic: 't', topicId, partition: 0 }, records)
    await quarantine.close()
    const some = await listQuarantine({ brokers: broker.brokers, topic, maxEntries: 4 })
    expect(some.entries).toHaveLength(4)
    expect(some.isTruncated).toBe(true)
    const one = await listQuarantine({
      brokers: broker.brokers,
      topic,
      maxEntries: 4,
      matches: ({ offset }) => offset === 8n,
    })
    expect(one.entries.map(({ offset }) => offset)).toEqual([8n])
    expect(one.isTruncated).toBe(false)
  })

  it('is replayed byte for byte to the original topic, with a header that names the first offset', async () => {
    const original = await broker.createTopic()
    const topic = await broker.createTopic()
    const quarantine = createQuarantineWriter({ brokers: broker.brokers, topic })
    const value = Buffer.from([0, 0, 0, 0, 9, 1])
    await quarantine.put({ topic: original, topicId, partition: 0 }, [bad(5n, value)])
    await quarantine.close()
    const { entries } = await listQuarantine({ brokers: broker.brokers, topic, maxEntries: 10 })
    expect(await replayQuarantine({ brokers: broker.brokers }, entries)).toBe(1)
    const [sent] = await readAll(original)
    expect(sent?.record).toMatchObject({ offset: 0n, key: Buffer.from([1, 2, 255]), value })
    expect(sent?.record.headers).toEqual([['daybook-first-offset', Buffer.from(`${original}:0:5`)]])
  })
})
