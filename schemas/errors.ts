/**
 * The one error type of the product.
 *
 * `code` is stable and has a page in docs/errors; `retryable` is decided where the error is made, from codes
 * and never from message text; `details` holds what locates the fault (field, file, topic, partition, offset),
 * never event payloads.
 */
export type ErrorCode = `DAYBOOK_${Uppercase<string>}`

export interface DaybookErrorOptions {
  readonly retryable?: boolean
  readonly cause?: unknown
  readonly details?: Readonly<Record<string, string | number | bigint | boolean | null>>
}

export class DaybookError extends Error {
  override readonly name = 'DaybookError'
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly details: Readonly<Record<string, string | number | bigint | boolean | null>>

  constructor(code: ErrorCode, message: string, options: DaybookErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.details = options.details ?? {}
  }
}

/** True for a `DaybookError` that may be tried again. Anything unknown is not retryable. */
export function isRetryable(error: unknown): boolean {
  return error instanceof DaybookError && error.retryable
}
