import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { type Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createKafkaClient } from '../../../consumers/kafka/client/kafka-client.ts'
import { openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { leaderOf, requireTopic } from '../../../consumers/kafka/client/topic-metadata.ts'
import { DEFAULT_TUNING } from '../../../consumers/kafka/fetch/tuning.ts'
import { batchAt, endOfBatches } from '../../../consumers/kafka/protocol/batch-extents.ts'
import { requestFetch } from '../../../consumers/kafka/protocol/fetch-request.ts'
import { createTopic } from './broker.ts'
import { type OwnBroker, startBroker } from './own-broker.ts'

let own: OwnBroker
beforeAll(async () => {
  own = await startBroker()
}, 120_000)
afterAll(() => own.close())

async function produce(kafka: Kafka, topic: string, count: number): Promise<void> {
  const producer = kafka.producer()
  await producer.connect()
  for (let at = 0; at < count; at++) await producer.send({ topic, messages: [{ value: `${at}` }] })
  await producer.disconnect()
}

/** What is left when the machine lost power before these batches were on disk. */
function cutLog(topic: string, offset: bigint): void {
  const folder = join(own.logDir, `${topic}-0`)
  const segment = join(folder, '00000000000000000000.log')
  const log = readFileSync(segment)
  const lost = batchAt(log, offset)
  if (lost === null) throw new RangeError(`no offset ${offset}`)
  truncateSync(segment, lost.byteOffset - log.byteOffset)
  for (const index of ['index', 'timeindex'])
    rmSync(join(folder, `00000000000000000000.${index}`), { force: true })
  rmSync(join(own.logDir, '.kafka_cleanshutdown'), { force: true })
}

it('a broker says that its log was cut, though it reaches beyond the position again', {
  timeout: 120_000,
}, async () => {
  const topic = `cut.${randomUUID()}`
  await createTopic(own.admin, topic, 1, {})
  const kafka = createKafkaClient({ brokers: own.brokers }, undefined, 'short')
  kafka.logger().setLogLevel(logLevel.NOTHING)
  await produce(kafka, topic, 10)
  const fetchAt = async (offset: bigint, lastEpoch: number) => {
    const cluster = await openCluster(kafka)
    try {
      const metadata = await cluster.view.metadata([topic])
      const { topicId } = requireTopic(metadata, topic)
      const broker = await cluster.view.broker(leaderOf(metadata, { topic, topicId, partition: 0 }))
      const wanted = [{ topicId, partition: 0, offset, lastEpoch }]
      const limits = { ...DEFAULT_TUNING, minBytes: 0, maxBytes: DEFAULT_TUNING.maxFetchBytes }
      const [fetched] = (await requestFetch(broker, wanted, limits)).partitions
      if (fetched?.recordBatches == null) throw new Error(`error ${fetched?.errorCode}`)
      return { ...endOfBatches(fetched.recordBatches), cutAt: fetched.cutAt }
    } finally {
      await cluster.close()
    }
  }
  const before = await fetchAt(0n, -1)
  expect(before).toMatchObject({ next: 10n, cutAt: null })
  expect(await fetchAt(10n, before.epoch)).toMatchObject({ next: null, cutAt: null })
  await own.component.stop()
  cutLog(topic, 6n)
  await own.component.start()
  await produce(kafka, topic, 8)
  const after = await fetchAt(10n, -1)
  expect(after).toMatchObject({ next: 14n, cutAt: null })
  expect(after.epoch).toBeGreaterThan(before.epoch)
  expect(await fetchAt(10n, before.epoch)).toMatchObject({ next: null, cutAt: 6n })
})
