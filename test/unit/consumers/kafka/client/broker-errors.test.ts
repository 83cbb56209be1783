import { Kafka, logLevel } from 'kafkajs'
import { expect, test } from 'vitest'
import { clientError } from '../../../../../consumers/kafka/client/broker-errors.ts'

async function failureOf(act: () => Promise<unknown>): Promise<unknown> {
  return act().then(
    () => null,
    (error: unknown) => error,
  )
}

test('no broker that answers is a passing state, also where kafkajs makes a TypeError of it', async () => {
  const kafka = new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING, retry: { retries: 0 } })
  const admin = kafka.admin()
  // What kafkajs's pool answers when it has lost its last broker.
  const consumer = kafka.consumer({
    groupId: 'g',
    partitionAssigners: [
      ({ cluster }) => {
        Reflect.set(Object.getPrototypeOf(cluster), 'metadata', async () => null)
        return {
          name: 'none',
          version: 0,
          assign: async () => [],
          protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }),
        }
      },
    ],
  })
  expect(consumer).toBeDefined()
  const failure = await failureOf(() => admin.listTopics())
  expect(failure).toBeInstanceOf(TypeError)
  expect(clientError(failure, 'topic settings')).toMatchObject({
    code: 'DAYBOOK_KAFKA_BROKER',
    retryable: true,
  })
})

test('a TypeError of our own is no passing state', async () => {
  const failure = await failureOf(async () => {
    const { field } = JSON.parse('null')
    return field
  })
  expect(clientError(failure, 'topic settings')).toMatchObject({ retryable: false })
})
