import { randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createKafkaClient } from '../../../consumers/kafka/client/kafka-client.ts'
import { openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { encodeSubscription } from '../../../consumers/kafka/group/consumer-protocol.ts'
import { requestJoin, requestLeave } from '../../../consumers/kafka/protocol/group-requests.ts'
import { openBroker, type TestBroker } from './broker.ts'
import { createMember, joined, type TestMember } from './member.ts'
import { drop, remake } from './topic-changes.ts'

let broker: TestBroker
beforeAll(async () => {
  broker = await openBroker()
})
afterAll(() => broker.close())

const within = { timeout: 20_000, interval: 20 }

/** Together the members hold exactly these partitions, each once. */
async function share(members: readonly TestMember[], partitions: readonly string[]): Promise<void> {
  const wanted = partitions.toSorted()
  await vi.waitFor(
    () => expect(members.flatMap((member) => member.held()).toSorted()).toEqual(wanted),
    within,
  )
}

const partitionsOf = (topic: string, count: number) =>
  Array.from({ length: count }, (_, partition) => `${topic}/${partition}`)

async function leave(...members: readonly TestMember[]): Promise<void> {
  for (const member of members) expect(member.crashes).toEqual([])
  await Promise.all(members.map(({ membership }) => membership.leave()))
}

describe('a group member', { timeout: 60_000 }, () => {
  it('shares partitions that are added with the others, in one rebalance', async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    const a = await joined(broker.brokers, [topic])
    const b = await joined(broker.brokers, [topic], { groupId: a.groupId })
    await share([a, b], partitionsOf(topic, 2))
    const before = [a.generations.length, b.generations.length]
    await broker.admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
    await share([a, b], partitionsOf(topic, 5))
    expect([a.generations.length, b.generations.length]).toEqual(before.map((count) => count + 1))
    expect([a.generations.at(-1)?.isNext, b.generations.at(-1)?.isNext]).toEqual([true, true])
    await leave(a, b)
  })

  it('reads the topics that exist, and takes up another when it is made', async () => {
    const there = await broker.createTopic()
    const later = `kafka-contract.${randomUUID()}`
    const member = await joined(broker.brokers, [later, there])
    expect(member.held()).toEqual([`${there}/0`])
    await remake(broker, later, 2)
    await share([member], [`${there}/0`, ...partitionsOf(later, 2)])
    await leave(member)
    await drop(broker, later)
  })

  it('joins also when no topic exists yet', async () => {
    const later = `kafka-contract.${randomUUID()}`
    const member = await joined(broker.brokers, [later])
    expect(member.held()).toEqual([])
    await remake(broker, later)
    await share([member], [`${later}/0`])
    await leave(member)
    await drop(broker, later)
  })

  it('goes on with the others when a topic is deleted, and announces it again when it is made anew', async () => {
    const [kept, gone] = [await broker.createTopic(), await broker.createTopic()]
    const member = await joined(broker.brokers, [kept, gone])
    await share([member], [`${kept}/0`, `${gone}/0`])
    const before = member.generations.length
    await broker.admin.deleteTopics({ topics: [gone] })
    const newcomer = await joined(broker.brokers, [kept, gone], { groupId: member.groupId })
    await share([member, newcomer], [`${kept}/0`])
    await leave(newcomer)
    await vi.waitFor(() => expect(member.held()).toEqual([`${kept}/0`]), within)
    await remake(broker, gone)
    await share([member], [`${kept}/0`, `${gone}/0`])
    expect(member.generations.length).toBeGreaterThan(before)
    await leave(member)
  })

  it('announces a topic that was deleted and made anew at once', async () => {
    const topic = await broker.createTopic()
    const member = await joined(broker.brokers, [topic], { layoutCheckMs: 1_000 })
    await remake(broker, topic)
    await vi.waitFor(() => expect(member.generations.length).toBeGreaterThan(1), within)
    expect(member.held()).toEqual([`${topic}/0`])
    await leave(member)
  })

  it('joins again when it is asked to', async () => {
    const member = await joined(broker.brokers, [await broker.createTopic()], { layoutCheckMs: 60_000 })
    member.membership.requestRejoin()
    await vi.waitFor(() => expect(member.generations).toHaveLength(2), within)
    await leave(member)
  })

  it('leaves at once, so that the others need not wait for its session to end', async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    const a = await joined(broker.brokers, [topic], { sessionTimeoutMs: 30_000 })
    const b = await joined(broker.brokers, [topic], { groupId: a.groupId, sessionTimeoutMs: 30_000 })
    await share([a, b], partitionsOf(topic, 2))
    await leave(a)
    await vi.waitFor(() => expect(b.held()).toEqual(partitionsOf(topic, 2)), { timeout: 20_000 })
    await leave(b)
  })
})

describe('a group member among strangers', { timeout: 60_000 }, () => {
  it.each([
    ['no metadata', Buffer.alloc(0)],
    ['what another client sends', encodeSubscription({ topics: ['any'], userData: Buffer.alloc(0) })],
    ['garbage', Buffer.from('ffffffffffffffffffffffff', 'hex')],
    ['a count beyond all memory', Buffer.from('00007fffffff', 'hex')],
  ])('leads on when one of them sends %s, and gives that one nothing', async (_name, metadata) => {
    const topic = await broker.createTopic({ partitions: 3 })
    const member = await joined(broker.brokers, [topic])
    const stranger = await join(member.groupId, 'daybook-sticky', metadata)
    await vi.waitFor(() => expect(member.generations.length).toBeGreaterThan(1), within)
    expect(member.held()).toEqual(partitionsOf(topic, 3))
    expect(member.troubles.at(-1) ?? null).toBeNull()
    await stranger.leave()
    await leave(member)
  })

  it('waits while a client of another kind holds the group, and joins when that has gone', async () => {
    const topic = await broker.createTopic()
    const kafka = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING })
    const groupId = `kafka-contract.${randomUUID()}`
    const other = kafka.consumer({ groupId })
    await other.connect()
    await other.subscribe({ topics: [topic] })
    const hasJoined = new Promise((resolve) => other.on(other.events.GROUP_JOIN, resolve))
    await other.run({ eachMessage: async () => {} })
    await hasJoined
    const member = createMember(broker.brokers, [topic], { groupId })
    const joining = member.membership.join()
    await vi.waitFor(
      () =>
        expect(member.troubles[0]).toMatchObject({ code: 'DAYBOOK_KAFKA_GROUP_REFUSED', retryable: true }),
      within,
    )
    await other.disconnect()
    await joining
    expect(member.held()).toEqual([`${topic}/0`])
    expect(member.troubles.at(-1)).toBeNull()
    await leave(member)
  })

  it('keeps its partitions while another joins and leaves all the time', async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    const member = await joined(broker.brokers, [topic])
    for (let i = 0; i < 5; i++) await (await join(member.groupId, 'daybook-sticky', Buffer.alloc(0))).leave()
    await vi.waitFor(() => expect(member.generations.length).toBeGreaterThan(1), within)
    expect(member.held()).toEqual(partitionsOf(topic, 2))
    await leave(member)
  })

  it('stops within seconds while a slow member holds up a rebalance', async () => {
    const topic = await broker.createTopic()
    const member = await joined(broker.brokers, [topic], { rebalanceTimeoutMs: 60_000 })
    const stranger = await join(member.groupId, 'daybook-sticky', Buffer.alloc(0), 60_000)
    await vi.waitFor(() => expect(member.generations.length).toBeGreaterThan(1), within)
    member.membership.requestRejoin()
    await new Promise((resolve) => setTimeout(resolve, 500))
    const from = performance.now()
    await leave(member)
    expect(performance.now() - from).toBeLessThan(20_000)
    await stranger.leave()
  })
})

/** A client that only joins, with whatever metadata, and never synchronises. */
async function join(groupId: string, protocol: string, metadata: Buffer, sessionTimeoutMs = 6_000) {
  const { view, close } = await openCluster(createKafkaClient({ brokers: broker.brokers }))
  const coordinator = await view.coordinator(groupId)
  const request = { groupId, protocol, metadata, sessionTimeoutMs, rebalanceTimeoutMs: sessionTimeoutMs }
  const { memberId } = await requestJoin(coordinator, { ...request, memberId: '' })
  // A coordinator that fails over the metadata never answers.
  requestJoin(coordinator, { ...request, memberId }).catch(() => {})
  return {
    leave: async () => {
      await coordinator.breakOff()
      await requestLeave(await view.coordinator(groupId), groupId, [memberId])
      await close()
    },
  }
}
