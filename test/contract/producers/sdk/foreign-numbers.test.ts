import { expect, onTestFinished, test } from 'vitest'
import { createKafkaClient } from '../../../../consumers/kafka/client/kafka-client.ts'
import { openCluster } from '../../../../consumers/kafka/client/open-cluster.ts'
import { createAuditLog, kafka } from '../../../../producers/sdk/src/index.ts'
import { BATCH_FIELD } from '../../../../runtime/kafka-wire/batch-header.ts'
import { batchesOf, logsOf } from '../../../support/kafka/topic-bytes.ts'
import { produceRaw, rawBatch, rawRecord } from '../../../support/raw-produce.ts'
import { testStack } from '../../../support/stack.ts'
import { aTopic, type TestTopic } from './topic.ts'

const EVENT = { target: { type: 'order', id: '1' }, actor: { id: 'u', type: 'user' } } as const
/** So many batches of a producer a broker remembers, to know what comes a second time. */
const REMEMBERED = 5

function open(topic: TestTopic) {
  const { kafka: cluster, registry } = testStack()
  const audit = createAuditLog({
    service: { name: 'orders' },
    tenant: 'acme',
    spool: 'memory',
    transport: kafka({ brokers: cluster.brokers, registry, topicPrefix: topic.prefix }),
  })
  onTestFinished(async () => {
    await audit.close({ timeoutMs: 0 })
  })
  return audit
}

/** The header of the newest batch of a partition. */
async function newestBatch(topic: string, partition: number): Promise<Buffer> {
  const cluster = await openCluster(
    createKafkaClient({ brokers: testStack().kafka.brokers }, undefined, 'short'),
  )
  onTestFinished(() => cluster.close())
  const log = (await logsOf(cluster.view, topic)).find(({ ref }) => ref.partition === partition)?.log
  const newest = batchesOf(log ?? Buffer.alloc(0)).at(-1)
  if (newest === undefined) throw new Error(`partition ${partition} is empty`)
  return newest.bytes
}

test('another producer that writes the next batches under the numbers of the SDK takes none of its events', async () => {
  const topic = await aTopic()
  const audit = open(topic)
  await audit.emit('order.updated', EVENT).acknowledged({ timeoutMs: 20_000 })
  const [mine] = (await topic.read()).filter(({ action }) => action === 'order.updated')
  const partition = mine?.partition ?? 0
  const header = await newestBatch(topic.name, partition)
  const next = header.readInt32BE(BATCH_FIELD.firstSequence) + header.readInt32BE(BATCH_FIELD.count)
  for (let at = 0; at < REMEMBERED; at++) {
    const batch = rawBatch({
      body: rawRecord({ delta: 0, key: Buffer.alloc(8), value: mine?.value ?? null }),
      count: 1,
      producerId: header.readBigInt64BE(BATCH_FIELD.producerId),
      producerEpoch: header.readInt16BE(BATCH_FIELD.producerEpoch),
      firstSequence: next + at,
    })
    const [broker = ''] = testStack().kafka.brokers
    expect(await produceRaw({ broker, topic: topic.name, partition, batch })).toMatchObject({ errorCode: 0 })
  }
  const ids: string[] = []
  for (let sent = 0; sent < REMEMBERED; sent++) {
    const emitted = audit.emit('order.updated', EVENT)
    await emitted.acknowledged({ timeoutMs: 20_000 })
    ids.push(emitted.eventId)
  }
  const arrived = (await topic.read()).map(({ eventId }) => eventId)
  expect(arrived).toEqual(expect.arrayContaining(ids))
})
