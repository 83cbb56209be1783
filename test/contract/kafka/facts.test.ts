import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type PartitionRef, partitionKey } from '../../../consumers/engine/contracts.ts'
import type { ClusterView } from '../../../consumers/kafka/client/cluster-view.ts'
import { createKafkaClient } from '../../../consumers/kafka/client/kafka-client.ts'
import { clusterOf, connectCluster, openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { requireTopic } from '../../../consumers/kafka/client/topic-metadata.ts'
import { openBroker, type TestBroker } from './broker.ts'
import { joined } from './member.ts'
import { drop, remake } from './topic-changes.ts'

let broker: TestBroker
let view: ClusterView
let close: () => Promise<void>
beforeAll(async () => {
  broker = await openBroker()
  ;({ view, close } = await openCluster(createKafkaClient({ brokers: broker.brokers })))
})
afterAll(async () => {
  await close()
  await broker.close()
})

async function refOf(topic: string, partition = 0): Promise<PartitionRef> {
  const { topicId } = requireTopic(await view.metadata([topic]), topic)
  return { topic, topicId, partition }
}

describe('what Kafka says of partitions', { timeout: 60_000 }, () => {
  it('is where the log begins and ends, what is committed and the note beside it', async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    await broker.produce(topic, [{ partition: 0, value: 'a' }])
    const member = await joined(broker.brokers, [topic])
    const group = member.generations[0]?.group
    if (group === undefined) throw new Error('no generation')
    expect(
      await member.membership.commit(group, [{ topic, partition: 0, next: 1n, note: 'tip=0 é' }]),
    ).toEqual([])
    const [written, empty] = [await refOf(topic, 0), await refOf(topic, 1)]
    const facts = await view.facts(member.groupId, [written, empty])
    await member.membership.leave()
    expect(facts.get(partitionKey(written))).toEqual({
      ok: true,
      logStart: 0n,
      logEnd: 1n,
      readableEnd: 1n,
      committed: 1n,
      note: 'tip=0 é',
    })
    expect(facts.get(partitionKey(empty))).toMatchObject({ ok: true, logEnd: 0n, committed: null, note: '' })
  })

  it('is an error for a topic that is missing or made anew and for a partition that is none, and no other', async () => {
    const [there, anew] = [await broker.createTopic(), await broker.createTopic()]
    const before = await refOf(anew)
    await remake(broker, anew)
    const missing = { topic: `kafka-contract.${randomUUID()}`, topicId: randomUUID(), partition: 0 }
    const good = await refOf(there)
    const beyond = { ...good, partition: 7 }
    const facts = await view.facts(randomUUID(), [missing, before, beyond, good])
    expect(facts.get(partitionKey(good))).toMatchObject({ ok: true })
    expect(facts.get(partitionKey(missing))).toMatchObject({ error: { code: 'DAYBOOK_KAFKA_TOPIC_MISSING' } })
    expect(facts.get(partitionKey(before))).toMatchObject({
      error: { code: 'DAYBOOK_KAFKA_TOPIC_RECREATED' },
    })
    expect(facts.get(partitionKey(beyond))).toMatchObject({ ok: false, error: { retryable: true } })
  })
})

describe('a commit', { timeout: 60_000 }, () => {
  it('of a topic that is gone, or with a note too long, fails alone', async () => {
    const [kept, gone] = [await broker.createTopic({ partitions: 2 }), await broker.createTopic()]
    const member = await joined(broker.brokers, [kept, gone], { layoutCheckMs: 60_000 })
    const group = member.generations[0]?.group
    if (group === undefined) throw new Error('no generation')
    await drop(broker, gone)
    await vi.waitFor(async () => {
      const failures = await member.membership.commit(group, [
        { topic: gone, partition: 0, next: 1n },
        { topic: kept, partition: 0, next: 1n, note: 'x'.repeat(5_000) },
        { topic: kept, partition: 1, next: 1n },
      ])
      expect(failures.map(({ topic, partition, error }) => [topic, partition, error.details])).toEqual(
        expect.arrayContaining([
          [gone, 0, { errorCode: 3 }],
          [kept, 0, { errorCode: 12 }],
        ]),
      )
    }, 30_000)
    const offsets = await broker.committed(member.groupId, kept)
    await member.membership.leave()
    expect([...offsets.entries()].toSorted()).toEqual([
      [0, '-1'],
      [1, '1'],
    ])
  })
})

describe('the client', { timeout: 60_000 }, () => {
  it('learns of brokers whatever state topics are in', async () => {
    const cluster = clusterOf(createKafkaClient({ brokers: broker.brokers }))
    await connectCluster(cluster)
    await cluster.addTargetTopic('no.such.topic')
    await expect(cluster.refreshMetadata()).resolves.toBeUndefined()
    expect(cluster.getNodeIds()).toHaveLength(1)
    await cluster.disconnect()
  })
})
