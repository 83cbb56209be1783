import { expect, test, vi } from 'vitest'
import { createAuditLog, kafka } from '../../../../producers/sdk/src/index.ts'
import * as body from '../../../../producers/sdk/src/kafka/produce-body.ts'
import { testStack } from '../../../support/stack.ts'
import { aTopic } from './topic.ts'

vi.mock('../../../../producers/sdk/src/kafka/produce-body.ts', { spy: true })

const EVENT = { target: { type: 'order', id: '1' }, actor: { id: 'u', type: 'user' } } as const

test('requests go out in our encoding, on the connections of the pinned Kafka client', async () => {
  const topic = await aTopic()
  const { kafka: cluster, registry } = testStack()
  const audit = createAuditLog({
    service: { name: 'orders' },
    tenant: 'acme',
    spool: 'memory',
    transport: kafka({ brokers: cluster.brokers, registry, topicPrefix: topic.prefix }),
  })
  const ids = Array.from({ length: 500 }, () => audit.emit('order.updated', EVENT).eventId)
  expect(await audit.close()).toBe(true)
  const encoded = vi.mocked(body.encodeProduceBody).mock.calls.flatMap(([{ topics }]) => topics)
  const records = encoded.flatMap(({ partitions }) => partitions.flatMap(({ messages }) => messages))
  expect(records).toHaveLength(502)
  const arrived = (await topic.read()).map(({ eventId }) => eventId)
  expect(arrived).toHaveLength(502)
  expect(arrived).toEqual(expect.arrayContaining(ids))
})
