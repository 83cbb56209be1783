import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createKafkaClient } from '../../../consumers/kafka/client/kafka-client.ts'
import { openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { readTopic } from '../../../consumers/kafka/fetch/topic-reader.ts'
import { openBroker, type TestBroker } from './broker.ts'

let broker: TestBroker
beforeAll(async () => {
  broker = await openBroker()
})
afterAll(() => broker.close())

it('reading a topic to its end gives what can be read and says what an open transaction holds back', async () => {
  const topic = await broker.createTopic({ partitions: 2 })
  const transactionalId = randomUUID()
  const producer = broker.kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic, messages: [{ partition: 0, value: 'open' }] })
  await broker.produce(topic, [
    { partition: 0, value: 'behind' },
    { partition: 1, value: 'beside' },
  ])
  const { view, close } = await openCluster(createKafkaClient({ brokers: broker.brokers }))
  const values: (string | undefined)[] = []
  const read = async () => {
    for await (const { record } of readTopic(view, topic)) values.push(record.value?.toString('utf8'))
  }
  await expect(read()).rejects.toMatchObject({ code: 'DAYBOOK_KAFKA_BROKER', retryable: true })
  expect(values).toEqual(['beside'])
  await transaction.abort()
  await producer.disconnect()
  values.length = 0
  await expect
    .poll(
      () =>
        read().then(
          () => true,
          () => false,
        ),
      { timeout: 30_000 },
    )
    .toBe(true)
  expect(values.slice(-2).toSorted()).toEqual(['behind', 'beside'])
  await close()
}, 60_000)
