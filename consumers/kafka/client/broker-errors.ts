import { DaybookError } from '../../../schemas/errors.ts'

/** Error codes of the Kafka protocol that decide something here. */
export const BROKER_ERROR = {
  unknownServerError: -1,
  none: 0,
  offsetOutOfRange: 1,
  unknownTopicOrPartition: 3,
  illegalGeneration: 22,
  inconsistentGroupProtocol: 23,
  invalidGroupId: 24,
  unknownMemberId: 25,
  invalidSessionTimeout: 26,
  rebalanceInProgress: 27,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
  clusterAuthorizationFailed: 31,
  unsupportedSaslMechanism: 33,
  saslAuthenticationFailed: 58,
  memberIdRequired: 79,
  groupMaxSizeReached: 81,
  fencedInstanceId: 82,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
} as const

/** Passing states: a leader moves, a broker starts, metadata travels, replicas lag. Asked again after a pause. */
const PASSING = new Set([
  2, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 41, 56, 72, 74, 75, 78, 88, 89, 100, 103,
])

/** Whom a refusal concerns. What a principal may not do with one topic says nothing about the others. */
const DENIED = new Map<number, { readonly scope: 'partition' | 'worker'; readonly grant: string }>([
  [
    BROKER_ERROR.topicAuthorizationFailed,
    { scope: 'partition', grant: 'grant this principal READ, DESCRIBE and DESCRIBE_CONFIGS on the topic' },
  ],
  [
    BROKER_ERROR.groupAuthorizationFailed,
    { scope: 'worker', grant: 'grant this principal READ on the group' },
  ],
  [
    BROKER_ERROR.clusterAuthorizationFailed,
    { scope: 'worker', grant: 'grant this principal what it asks of the cluster' },
  ],
  [BROKER_ERROR.unsupportedSaslMechanism, { scope: 'worker', grant: 'correct DAYBOOK_KAFKA_SASL_MECHANISM' }],
  [
    BROKER_ERROR.saslAuthenticationFailed,
    { scope: 'worker', grant: 'check DAYBOOK_KAFKA_SASL_MECHANISM, _USERNAME and _PASSWORD' },
  ],
])

/** The worker's own settings, which the coordinator refuses. */
const MISCONFIGURED = new Set<number>([BROKER_ERROR.invalidGroupId, BROKER_ERROR.invalidSessionTimeout])

/** Who is in the group decides these, and that can change. */
const GROUP_OCCUPIED = new Set<number>([
  BROKER_ERROR.inconsistentGroupProtocol,
  BROKER_ERROR.groupMaxSizeReached,
])

/** The error of one answer about `what`; retryable when the broker's code names a passing state. */
export function brokerError(errorCode: number, what: string, cause?: unknown): DaybookError {
  const details = { errorCode }
  const denied = DENIED.get(errorCode)
  if (denied !== undefined) {
    return new DaybookError(
      'DAYBOOK_KAFKA_UNAUTHORIZED',
      `${what}: the broker refuses it (error ${errorCode}); ${denied.grant}`,
      { scope: denied.scope, cause, details },
    )
  }
  if (MISCONFIGURED.has(errorCode) || GROUP_OCCUPIED.has(errorCode)) {
    return new DaybookError(
      'DAYBOOK_KAFKA_GROUP_REFUSED',
      `${what}: the coordinator does not take this member (error ${errorCode}): see who is in the group with ` +
        'kafka-consumer-groups --bootstrap-server <broker> --describe --members --group <group>, and check the session time-out',
      { scope: 'worker', retryable: GROUP_OCCUPIED.has(errorCode), cause, details },
    )
  }
  return new DaybookError('DAYBOOK_KAFKA_BROKER', `${what}: broker error ${errorCode}`, {
    retryable: PASSING.has(errorCode),
    cause,
    details,
  })
}

/**
 * What a failed call of the client says, by the class and code of the error and of those that it wraps. Lost
 * connections, time-outs and passing broker states are retryable; authentication and authorisation are not, nor is
 * anything unknown, which is the matter of one partition.
 */
export function clientError(error: unknown, what: string): DaybookError {
  for (const link of causes(error)) {
    if (link instanceof DaybookError) return link
    const name = nameOf(link)
    const code = property(link, 'code')
    if (SASL.has(name)) return brokerError(BROKER_ERROR.saslAuthenticationFailed, what, error)
    if (name === 'KafkaJSProtocolError' && typeof code === 'number') return brokerError(code, what, error)
    if (CONNECTION.has(name)) return failure(error, what, true)
  }
  return failure(error, what, nameOf(error) === 'KafkaJSNumberOfRetriesExceeded')
}

function failure(error: unknown, what: string, retryable: boolean): DaybookError {
  const message = `${what}: ${nameOf(error) || 'unknown failure'}`
  return new DaybookError('DAYBOOK_KAFKA_BROKER', message, { retryable, cause: error })
}

/** The error and what it wraps: kafkajs puts what it gives up on into errors of two general classes. */
function* causes(error: unknown): Generator<unknown, void, undefined> {
  let link = error
  for (let depth = 0; link !== undefined && link !== null && depth < 8; depth++) {
    yield link
    link = property(link, 'cause')
  }
}

const SASL = new Set(['KafkaJSSASLAuthenticationError', 'KafkaJSUnsupportedSASLMechanism'])

const CONNECTION = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSBrokerNotFound',
  'KafkaJSLockTimeout',
  'KafkaJSMetadataNotLoaded',
  'KafkaJSTopicMetadataNotLoaded',
  'KafkaJSGroupCoordinatorNotFound',
  'KafkaJSNoBrokerAvailableError',
])

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : ''
}

function property(error: unknown, key: string): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, key) : undefined
}
