import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { brokerError, clientError } from '../../../../../consumers/kafka/client/broker-errors.ts'
import { clusterOf, connectCluster } from '../../../../../consumers/kafka/client/open-cluster.ts'
import { DaybookError } from '../../../../../schemas/errors.ts'

async function failureOf(act: () => Promise<unknown>): Promise<unknown> {
  return act().then(
    () => null,
    (error: unknown) => error,
  )
}

/** An error as the client makes it: recognised by its class's name. */
function named(name: string, more: Readonly<Record<string, unknown>> = {}): Error {
  return Object.assign(new Error('any text'), { name, ...more })
}

describe('an error of the client', () => {
  it('is retryable when no broker answers', async () => {
    const kafka = new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING, retry: { retries: 0 } })
    const failure = await failureOf(() => connectCluster(clusterOf(kafka)))
    expect(failure).toMatchObject({ code: 'DAYBOOK_KAFKA_BROKER', retryable: true, scope: 'partition' })
  })

  it('is judged by what it wraps', () => {
    const wrap = (cause: unknown) => named('KafkaJSNonRetriableError', { cause })
    const closed = named('KafkaJSConnectionClosedError')
    expect(clientError(wrap(closed), 'x')).toMatchObject({ retryable: true })
    expect(clientError(named('KafkaJSNumberOfRetriesExceeded', { cause: wrap(closed) }), 'x').retryable).toBe(
      true,
    )
    const denied = named('KafkaJSProtocolError', { code: 30, retriable: true })
    expect(clientError(wrap(denied), 'x')).toMatchObject({
      code: 'DAYBOOK_KAFKA_UNAUTHORIZED',
      scope: 'worker',
      retryable: false,
    })
    const ours = new DaybookError('DAYBOOK_KAFKA_TOPIC_MISSING', 'x', { retryable: true })
    expect(clientError(wrap(ours), 'x')).toBe(ours)
  })

  it('that is unknown concerns one partition and is not tried again, whatever its text says', () => {
    for (const unknown of [
      new TypeError("Cannot read properties of null (reading 'brokers')"),
      named('KafkaJSNonRetriableError', { retriable: true }),
      Object.assign(new Error('connection timed out, please retry'), { retriable: true }),
      'a string',
      null,
    ]) {
      expect(clientError(unknown, 'x')).toMatchObject({ retryable: false, scope: 'partition' })
    }
  })

  it('about refused credentials concerns the worker', () => {
    expect(clientError(named('KafkaJSSASLAuthenticationError'), 'x')).toMatchObject({
      code: 'DAYBOOK_KAFKA_UNAUTHORIZED',
      scope: 'worker',
      retryable: false,
    })
  })
})

describe('an error code of the broker', () => {
  it.each([
    [29, 'DAYBOOK_KAFKA_UNAUTHORIZED', 'partition', false],
    [30, 'DAYBOOK_KAFKA_UNAUTHORIZED', 'worker', false],
    [31, 'DAYBOOK_KAFKA_UNAUTHORIZED', 'worker', false],
    [58, 'DAYBOOK_KAFKA_UNAUTHORIZED', 'worker', false],
    [23, 'DAYBOOK_KAFKA_GROUP_REFUSED', 'worker', true],
    [26, 'DAYBOOK_KAFKA_GROUP_REFUSED', 'worker', false],
    [6, 'DAYBOOK_KAFKA_BROKER', 'partition', true],
    [-1, 'DAYBOOK_KAFKA_BROKER', 'partition', false],
    [999, 'DAYBOOK_KAFKA_BROKER', 'partition', false],
  ] as const)('%i is %s of scope %s', (errorCode, code, scope, retryable) => {
    expect(brokerError(errorCode, 'x')).toMatchObject({ code, scope, retryable, details: { errorCode } })
  })
})
