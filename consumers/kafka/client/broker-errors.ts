import { DaybookError } from '../../../schemas/errors.ts'

/** Error codes of the Kafka protocol that decide something here. */
export const BROKER_ERROR = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopicOrPartition: 3,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
  clusterAuthorizationFailed: 31,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
} as const

/** Passing states: a leader moves, a broker starts, metadata travels. Asked again after a pause. */
const PASSING = new Set([2, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 56, 74, 75, 76, 78, 89, 100, 103])

const DENIED = new Set<number>([
  BROKER_ERROR.topicAuthorizationFailed,
  BROKER_ERROR.groupAuthorizationFailed,
  BROKER_ERROR.clusterAuthorizationFailed,
])

/** The error of one answer about `what`; retryable when the broker's code names a passing state. */
export function brokerError(errorCode: number, what: string): DaybookError {
  if (DENIED.has(errorCode)) {
    return new DaybookError(
      'DAYBOOK_KAFKA_UNAUTHORIZED',
      `${what}: the broker refuses it (error ${errorCode}); grant this principal READ on the topics and the group`,
      { details: { errorCode } },
    )
  }
  return new DaybookError('DAYBOOK_KAFKA_BROKER', `${what}: broker error ${errorCode}`, {
    retryable: PASSING.has(errorCode),
    details: { errorCode },
  })
}

/**
 * What a failed call of the client says. Lost connections, time-outs and passing broker states are retryable;
 * authentication, authorisation and everything unknown are not.
 */
export function clientError(error: unknown, what: string): DaybookError {
  if (error instanceof DaybookError) return error
  const name = error instanceof Error ? error.name : ''
  if (name === 'KafkaJSSASLAuthenticationError') {
    return new DaybookError(
      'DAYBOOK_KAFKA_UNAUTHORIZED',
      `${what}: the broker refuses the credentials; check DAYBOOK_KAFKA_SASL_MECHANISM, _USERNAME and _PASSWORD`,
      { cause: error },
    )
  }
  const code = property(error, 'code')
  if (name === 'KafkaJSProtocolError' && typeof code === 'number') {
    const known = brokerError(code, what)
    return new DaybookError(known.code, known.message, { retryable: known.retryable, cause: error })
  }
  return new DaybookError('DAYBOOK_KAFKA_BROKER', `${what}: ${name || 'unknown failure'}`, {
    retryable: property(error, 'retriable') === true || CONNECTION.has(name) || isMissingAnswer(error),
    cause: error,
  })
}

const CONNECTION = new Set([
  // What kafkajs makes of a coordinator or broker that it has not found for long. Faults of configuration and
  // authorisation have classes of their own.
  'KafkaJSNonRetriableError',
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSBrokerNotFound',
  'KafkaJSLockTimeout',
  'KafkaJSMetadataNotLoaded',
  'KafkaJSTopicMetadataNotLoaded',
  'KafkaJSGroupCoordinatorNotFound',
  'KafkaJSNumberOfRetriesExceeded',
  'KafkaJSNoBrokerAvailableError',
])

/** When no broker answers, kafkajs takes the answer's fields out of null. */
function isMissingAnswer(error: unknown): boolean {
  return (
    error instanceof TypeError &&
    /\bnull\b/.test(error.message) &&
    /[\\/]kafkajs[\\/]/.test(error.stack ?? '')
  )
}

function property(error: unknown, key: string): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, key) : undefined
}
