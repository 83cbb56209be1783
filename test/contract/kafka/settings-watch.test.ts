import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createKafkaClient } from '../../../consumers/kafka/client/kafka-client.ts'
import { type OpenCluster, openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import {
  type SettingsWatch,
  type TopicState,
  watchSettings,
} from '../../../consumers/kafka/topics/settings-watch.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { alterTopic } from '../../support/kafka/topic-admin.ts'
import { openBroker, type TestBroker } from './broker.ts'
import { remake } from './topic-changes.ts'

let broker: TestBroker
let cluster: OpenCluster
beforeAll(async () => {
  broker = await openBroker()
  cluster = await openCluster(createKafkaClient({ brokers: broker.brokers }))
})
afterAll(async () => {
  await cluster.close()
  await broker.close()
})

const over = new Set<AbortController>()
afterEach(() => {
  for (const each of over) each.abort()
})

interface Watched {
  readonly watch: SettingsWatch
  readonly states: ReadonlyMap<string, TopicState>
  readonly reading: Map<string, string>
  readonly trouble: unknown[]
}

async function watched(topics: readonly string[], quarantineTopic: string | null = null): Promise<Watched> {
  const end = new AbortController()
  over.add(end)
  const states = new Map<string, TopicState>()
  const reading = new Map<string, string>()
  const trouble: unknown[] = []
  const watch = watchSettings({
    view: cluster.view,
    clock: systemClock,
    topics,
    quarantineTopic,
    everyMs: 200,
    readingId: (topic) => reading.get(topic),
    signal: end.signal,
    onState: (topic, state) => states.set(topic, state),
    onTrouble: (error) => trouble.push(error),
  })
  await watch.checkNow()
  return { watch, states, reading, trouble }
}

const kindOf = ({ states }: Watched, topic: string) => states.get(topic)?.kind

function messageOf({ states }: Watched, topic: string): string {
  const state = states.get(topic)
  return state === undefined || state.kind === 'ok' ? '' : state.error.message
}

describe('the watch of topic settings', { timeout: 150_000 }, () => {
  it('sees a topic drift and be set right again, and no other topic with it', async () => {
    const [drifting, steady] = [await broker.createTopic(), await broker.createTopic()]
    const seen = await watched([drifting, steady])
    expect([kindOf(seen, drifting), kindOf(seen, steady)]).toEqual(['ok', 'ok'])
    const setBack = await alterTopic(broker.admin, drifting, { 'message.timestamp.type': 'CreateTime' })
    await vi.waitFor(() => expect(kindOf(seen, drifting)).toBe('failed'), { timeout: 30_000 })
    expect(seen.states.get(drifting)).toMatchObject({
      error: { code: 'DAYBOOK_KAFKA_TOPIC_CONFIG', scope: 'partition', retryable: false },
    })
    expect(messageOf(seen, drifting)).toContain(
      `kafka-configs --bootstrap-server <broker> --alter --topic ${drifting} --add-config message.timestamp.type=LogAppendTime`,
    )
    expect(kindOf(seen, steady)).toBe('ok')
    await setBack()
    await vi.waitFor(() => expect(kindOf(seen, drifting)).toBe('ok'), { timeout: 30_000 })
  })

  it('names every wrong setting, and wants a topic read on whose events are merely in danger', async () => {
    const topic = await broker.createTopic({
      config: { 'cleanup.policy': 'compact,delete', 'retention.ms': '1000', 'retention.bytes': '5000' },
    })
    const seen = await watched([topic])
    expect(seen.states.get(topic)).toMatchObject({ kind: 'endangered', error: { details: { faults: 3 } } })
    for (const right of ['cleanup.policy=delete', 'retention.ms=604800000', 'retention.bytes=-1']) {
      expect(messageOf(seen, topic)).toContain(right)
    }
  })

  it('gives a topic that does not exist its own error, and takes it when it is made', async () => {
    const there = await broker.createTopic()
    const topic = `kafka-contract.${randomUUID()}`
    const seen = await watched([topic, there])
    expect(seen.states.get(topic)).toMatchObject({
      kind: 'failed',
      error: { code: 'DAYBOOK_KAFKA_TOPIC_MISSING', scope: 'partition' },
    })
    expect(kindOf(seen, there)).toBe('ok')
    await remake(broker, topic)
    await vi.waitFor(() => expect(kindOf(seen, topic)).toBe('ok'), { timeout: 30_000 })
  })

  it('tells a topic that was made anew from the one that is being read, and from no other', async () => {
    const topic = await broker.createTopic()
    const seen = await watched([topic])
    const state = seen.states.get(topic)
    seen.reading.set(topic, state?.kind === 'ok' ? state.topicId : '')
    await remake(broker, topic)
    await vi.waitFor(
      () =>
        expect(seen.states.get(topic)).toMatchObject({ error: { code: 'DAYBOOK_KAFKA_TOPIC_RECREATED' } }),
      { timeout: 30_000 },
    )
    seen.reading.delete(topic)
    await vi.waitFor(() => expect(kindOf(seen, topic)).toBe('ok'), { timeout: 30_000 })
  })

  it('finds a name that no topic can have to be the fault of that entry alone', async () => {
    const there = await broker.createTopic()
    const seen = await watched(['no/such name', there])
    expect(kindOf(seen, 'no/such name')).toBe('failed')
    expect(kindOf(seen, there)).toBe('ok')
  })

  it('wants a quarantine topic that keeps for 30 days and takes the largest record', async () => {
    const topic = await broker.createTopic({ config: { 'max.message.bytes': '2000000' } })
    const quarantine = await broker.createTopic({
      config: { 'max.message.bytes': '2000000', 'retention.ms': '604800000' },
    })
    const seen = await watched([topic], quarantine)
    expect(kindOf(seen, topic)).toBe('ok')
    expect(seen.states.get(quarantine)).toMatchObject({ kind: 'endangered' })
    expect(messageOf(seen, quarantine)).toMatch(/max\.message\.bytes=2065536.*retention\.ms=2592000000/s)
  })
})
