import { DaybookError, isRetryable } from '../schemas/errors.ts'
import { type BackoffPolicy, backoffMs } from './backoff.ts'
import type { Clock } from './clock.ts'

export interface RetryPolicy extends BackoffPolicy {
  /** No attempt begins later than this after the first began. Undefined: until `signal` aborts. */
  readonly deadlineMs?: number
}

export interface RetryOptions {
  readonly clock: Clock
  readonly policy: RetryPolicy
  readonly signal?: AbortSignal
  /** Called before each pause. */
  readonly onRetry?: (error: unknown, attempt: number, delayMs: number) => void
  /** In [0, 1); given in by tests. */
  readonly random?: () => number
}

export const DEFAULT_RETRY: RetryPolicy = { baseDelayMs: 100, maxDelayMs: 10_000 }

/**
 * Calls `attempt` until it succeeds, fails with an error that is not retryable, the deadline passes or `signal`
 * aborts. It rejects with the last error; when `signal` aborted before any attempt failed, with DAYBOOK_RUNTIME_ABORTED.
 */
export async function retry<T>(attempt: (count: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, policy, signal } = options
  const startedAt = clock.now()
  let last: unknown = new DaybookError('DAYBOOK_RUNTIME_ABORTED', 'ended before the first attempt')
  for (let count = 1; signal?.aborted !== true; count++) {
    try {
      return await attempt(count)
    } catch (error) {
      if (!isRetryable(error)) throw error
      last = error
    }
    const delayMs = backoffMs(count, policy, options.random)
    if (policy.deadlineMs !== undefined && clock.now() + delayMs - startedAt > policy.deadlineMs) throw last
    options.onRetry?.(last, count, delayMs)
    await clock.sleep(delayMs, signal)
  }
  throw last
}
