import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKafkaClient } from '../../../consumers/kafka/client/kafka-client.ts'
import { createMembership, type Generation } from '../../../consumers/kafka/group/membership.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { openBroker, type TestBroker } from './broker.ts'
import { Collector, coversExactly, startSource } from './collector.ts'

let broker: TestBroker
beforeAll(async () => {
  broker = await openBroker()
})
afterAll(() => broker.close())

const tuning = { heartbeatIntervalMs: 300, sessionTimeoutMs: 6_000 }

describe('a rebalance', { timeout: 60_000 }, () => {
  it('from one member to three and back to one moves only what must move', async () => {
    const topic = await broker.createTopic({ partitions: 6 })
    const groupId = randomUUID()
    const a = await startSource(broker.brokers, topic, new Collector(), { groupId, tuning })
    await a.collector.until(() => a.collector.assignment().length === 6)
    const b = await startSource(broker.brokers, topic, new Collector(), { groupId, tuning })
    await b.collector.until(() => b.collector.assignment().length === 3)
    await a.collector.until(() => a.collector.assignment().length === 3)
    const [heldByA, heldByB] = [a.collector.assignment(), b.collector.assignment()]
    const c = await startSource(broker.brokers, topic, new Collector(), { groupId, tuning })
    await Promise.all(
      [a, b, c].map(({ collector }) => collector.until(() => collector.assignment().length === 2)),
    )
    for (const partition of a.collector.assignment()) expect(heldByA).toContain(partition)
    for (const partition of b.collector.assignment()) expect(heldByB).toContain(partition)
    const [stillA, takenByC] = [a.collector.assignment(), c.collector.assignment()]
    // The first member leads the group: with it the leader changes.
    await a.source.stop()
    await Promise.all(
      [b, c].map(({ collector }) => collector.until(() => collector.assignment().length === 3)),
    )
    for (const partition of takenByC) expect(c.collector.assignment()).toContain(partition)
    expect([...b.collector.assignment(), ...c.collector.assignment()]).toEqual(
      expect.arrayContaining([...stillA]),
    )
    await b.source.stop()
    await c.collector.until(() => c.collector.assignment().length === 6)
    await c.source.stop()
  })

  it('ends the old generation: its commits are refused, its batches are not handed over any more', async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    const groupId = randomUUID()
    const collector = new Collector({ onBatch: () => new Promise((resolve) => setTimeout(resolve, 20)) })
    const a = await startSource(broker.brokers, topic, collector, { groupId, tuning })
    await collector.until(() => collector.generations.length === 1)
    const held = [collector.ref(0), collector.ref(1)]
    for (let i = 0; i < 20; i++) await broker.produce(topic, [{ value: `v${i}` }])
    await a.source.commit(1, new Map(held.map((ref) => [ref, { position: 1n, note: null }])))
    const b = await startSource(broker.brokers, topic, new Collector(), { groupId, tuning })
    await collector.until(() => collector.generations.length >= 2)
    const later = collector.generations.at(-1)
    const handedBefore = collector.batches.length
    await expect(
      a.source.commit(1, new Map(held.map((ref) => [ref, { position: 2n, note: null }]))),
    ).rejects.toMatchObject({
      code: 'DAYBOOK_KAFKA_GENERATION_OVER',
    })
    expect([...(await broker.committed(groupId, topic)).values()]).toEqual(['1', '1'])
    await collector.until(() => collector.covered(later?.partitions[0]?.partition.partition ?? 0) >= 1n)
    expect(collector.generations[0]?.signal.aborted).toBe(true)
    expect(collector.batches.slice(handedBefore).every(({ generation }) => generation >= 2)).toBe(true)
    await Promise.all([a.source.stop(), b.source.stop()])
    const newest = collector.batches.filter(({ generation }) => generation === later?.number)
    expect(coversExactly(newest)).toBe(true)
  })

  it('makes the coordinator itself refuse commits of the generation before, without effect', async () => {
    const topic = await broker.createTopic()
    const groupId = randomUUID()
    const generations: Generation[] = []
    const begun = Promise.withResolvers<void>()
    const again = Promise.withResolvers<void>()
    const membership = createMembership({
      kafka: createKafkaClient({ brokers: broker.brokers }),
      groupId,
      topics: [topic],
      clock: systemClock,
      rebalanceTimeoutMs: 10_000,
      metadataMaxAgeMs: 60_000,
      ...tuning,
      events: {
        over: () => {},
        crashed: () => {},
        begun: (generation) => {
          generations.push(generation)
          if (generations.length === 1) begun.resolve()
          else again.resolve()
        },
      },
    })
    await membership.join()
    await begun.promise
    const [first] = generations
    if (first === undefined) throw new Error('no generation')
    await membership.commit(first.group, [{ topic, partition: 0, next: 1n }])
    const other = await startSource(broker.brokers, topic, new Collector(), { groupId, tuning })
    await again.promise
    const stale = membership.commit(first.group, [{ topic, partition: 0, next: 2n }])
    await expect(stale).rejects.toMatchObject({ code: 'DAYBOOK_KAFKA_GENERATION_OVER', retryable: false })
    expect((await broker.committed(groupId, topic)).get(0)).toBe('1')
    await Promise.all([membership.leave(), other.source.stop()])
  })

  it('follows when partitions are added: they are assigned at the next look at the metadata', async () => {
    const topic = await broker.createTopic({ partitions: 1 })
    const collector = new Collector()
    const { source } = await startSource(broker.brokers, topic, collector, {
      tuning: { ...tuning, metadataMaxAgeMs: 500 },
    })
    await collector.until(() => collector.assignment().length === 1)
    await broker.admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
    await collector.until(() => collector.assignment().length === 3)
    await broker.produce(topic, [{ partition: 2, value: 'new' }])
    await collector.until(() => collector.covered(2) === 0n)
    await source.stop()
    expect(collector.values(2)).toEqual(['new'])
    expect(collector.crashes).toEqual([])
  })

  it('of a topic that is deleted is reported, and its partition; the process goes on', async () => {
    const topic = await broker.createTopic()
    const collector = new Collector()
    const { source } = await startSource(broker.brokers, topic, collector, {
      tuning: { ...tuning, metadataMaxAgeMs: 500, settingsCheckMs: 300 },
    })
    await collector.until(() => collector.generations.length === 1)
    await broker.admin.deleteTopics({ topics: [topic] })
    await collector.until(() => collector.failures.length > 0)
    const code = 'DAYBOOK_KAFKA_TOPIC_MISSING'
    await collector.until(() => collector.concerns.some((concern) => concern.code === code))
    await source.stop()
    expect(collector.failures[0]?.error).toMatchObject({ code })
    expect(collector.crashes).toEqual([])
  })
})
