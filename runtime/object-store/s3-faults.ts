import { S3ServiceException } from '@aws-sdk/client-s3'
import { DaybookError } from '../../schemas/errors.ts'

/** Error codes of S3 that are temporary although their HTTP status does not say so. */
const TRANSIENT = new Set(['RequestTimeout', 'SlowDown', 'InternalError', 'ServiceUnavailable', 'Throttling'])

/** Retryable: the service that gives a role's credentials can be away for a moment. */
const NO_CREDENTIALS = 'CredentialsProviderError'

/** What S3 answers whatever is asked for: the process's own credentials, or its clock, are not as they must be. */
const OWN_CREDENTIALS = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidToken',
  'ExpiredToken',
  'TokenRefreshRequired',
  'RequestTimeTooSkewed',
  'RequestExpired',
  'AuthorizationHeaderMalformed',
  'InvalidSecurity',
  'NotSignedUp',
  'AccountProblem',
  'InvalidAccountId',
  // Versity's word for an access key that it does not know; its status is 404.
  'XAdminUserNotFound',
])

export function httpStatus(error: unknown): number | null {
  return error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? null) : null
}

/** Where there was no answer, its name says nothing: most are called `Error`. */
function saying(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : 'unknown'
}

/** Every failure of a request as a DaybookError, decided from status and code. */
export function s3Fault(
  error: unknown,
  what: { readonly action: string; readonly key: string; readonly bucket: string },
): DaybookError {
  if (error instanceof DaybookError) return error
  const status = httpStatus(error)
  const name = error instanceof Error ? error.name : 'unknown'
  const where = `${what.action} of ${what.key} in bucket ${what.bucket}`
  const options = { cause: error, details: { bucket: what.bucket, key: what.key, status, s3Code: name } }
  if (name === NO_CREDENTIALS) {
    return new DaybookError(
      'DAYBOOK_S3_UNAVAILABLE',
      `No credentials for the ${where}. Set DAYBOOK_S3_ACCESS_KEY_ID and DAYBOOK_S3_SECRET_ACCESS_KEY, or give the process a role or profile that AWS's clients find.`,
      { ...options, retryable: true },
    )
  }
  if (status === null || status >= 500 || status === 429 || TRANSIENT.has(name)) {
    return new DaybookError(
      'DAYBOOK_S3_UNAVAILABLE',
      `The object store did not answer the ${where} (${status === null ? saying(error) : name}).`,
      { ...options, retryable: true },
    )
  }
  // Tokens and skewed clocks come with other statuses too. A policy may forbid one key and allow the others.
  if (status === 403 || status === 401 || OWN_CREDENTIALS.has(name)) {
    return new DaybookError(
      'DAYBOOK_S3_FORBIDDEN',
      `The object store forbids the ${where} (${name}). Check DAYBOOK_S3_ACCESS_KEY_ID, its policy, and the clock of this machine.`,
      { ...options, scope: status === 401 || OWN_CREDENTIALS.has(name) ? 'worker' : 'partition' },
    )
  }
  if (status === 404) {
    return new DaybookError(
      'DAYBOOK_S3_NOT_FOUND',
      `The object store has no such thing (${name}): ${where}.`,
      options,
    )
  }
  return new DaybookError(
    'DAYBOOK_S3_REFUSED',
    `The object store refused the ${where} with status ${status} (${name}).`,
    options,
  )
}
