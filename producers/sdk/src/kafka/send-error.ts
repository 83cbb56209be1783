import { DaybookError } from '../../../../schemas/errors.ts'

/** What a failed send means for what is done next. */
export interface SendFailure {
  readonly error: DaybookError
  /** The batch, or a record in it, is larger than the broker takes. */
  readonly tooLarge: boolean
}

const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD'])
const REFUSED = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'INVALID_TOPIC_EXCEPTION',
  'POLICY_VIOLATION',
])

export function sendFailure(cause: unknown, brokers: readonly string[]): SendFailure {
  const types = typesOf(cause)
  const has = (set: ReadonlySet<string>) => types.some((type) => set.has(type))
  const why = cause instanceof Error ? cause.message : String(cause)
  const refused = has(REFUSED) || types.includes('KafkaJSSASLAuthenticationError')
  const error = refused
    ? new DaybookError(
        'DAYBOOK_SDK_BROKER_REFUSED',
        `Kafka refuses events: ${why}. Check credentials, access rights and that the topic exists. Events wait in the spool.`,
        { cause, details: { type: types[0] ?? null } },
      )
    : new DaybookError(
        'DAYBOOK_SDK_BROKER_UNAVAILABLE',
        `Kafka (${brokers.join(', ')}) did not acknowledge events: ${why}. Events wait in the spool.`,
        { retryable: true, cause, details: { type: types[0] ?? null } },
      )
  return { error, tooLarge: has(TOO_LARGE) }
}

/** Protocol codes and error names along the chain of causes, outermost first. */
function typesOf(error: unknown): string[] {
  const types: string[] = []
  let current = error
  for (let depth = 0; current instanceof Error && depth < 5; depth++) {
    if ('type' in current && typeof current.type === 'string') types.push(current.type)
    types.push(current.name)
    current = 'originalError' in current ? current.originalError : current.cause
  }
  return types
}
