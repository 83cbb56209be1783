/**
 * The one error type of the product.
 *
 * `code` is stable and has a page in docs/errors; `retryable` and `scope` are decided where the error is made, from
 * codes and never from message text; `details` holds what locates the fault (field, file, topic, partition, offset),
 * never event payloads.
 */
export type ErrorCode = `DAYBOOK_${Uppercase<string>}`

/**
 * The smallest part that has to stop, so that the log stays true:
 * - `record`, `batch`: it goes to quarantine with its bytes; nothing stops;
 * - `partition`: it cannot go on truthfully; the others do, and it heals by itself once the cause is gone;
 * - `worker`: this process's own configuration or credentials are wrong; it ends.
 */
export type ErrorScope = 'record' | 'batch' | 'partition' | 'worker'

export interface DaybookErrorOptions {
  readonly retryable?: boolean
  /** Default: `partition`. */
  readonly scope?: ErrorScope
  readonly cause?: unknown
  readonly details?: Readonly<Record<string, string | number | bigint | boolean | null>>
}

export class DaybookError extends Error {
  override readonly name = 'DaybookError'
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly scope: ErrorScope
  readonly details: Readonly<Record<string, string | number | bigint | boolean | null>>

  constructor(code: ErrorCode, message: string, options: DaybookErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.scope = options.scope ?? 'partition'
    this.details = options.details ?? {}
  }
}

/** What has to stop for `error`. An error that the code does not know is `partition`: it may be the partition's own. */
export function scopeOf(error: unknown): ErrorScope {
  return error instanceof DaybookError ? error.scope : 'partition'
}

/** True for a `DaybookError` that may be tried again. Anything unknown is not retryable. */
export function isRetryable(error: unknown): boolean {
  return error instanceof DaybookError && error.retryable
}
