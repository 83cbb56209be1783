import { type BackoffPolicy, backoffMs } from '../../../runtime/backoff.ts'
import type { Clock } from '../../../runtime/clock.ts'
import { isRetryable } from '../../../schemas/errors.ts'

export interface BackoffTools extends BackoffPolicy {
  readonly clock: Clock
  readonly random: () => number
}

/** The pause after so many failures in a row, counted from 1. */
export function pauseMs(tools: BackoffTools, failures: number): number {
  return backoffMs(failures, tools, tools.random)
}

/** What became of something that is tried until it works or nobody wants it any more. */
export type Attempted<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'over' }

export interface Attempt<T> {
  readonly run: () => Promise<T>
  /** Ends the attempts, also one that never answers. */
  readonly signal: AbortSignal
  readonly onRetry: (delayMs: number, error: unknown) => void
}

/** Tries again after every retryable error, for as long as `signal` allows. @throws the first error that is not retryable. */
export async function untilDone<T>(tools: BackoffTools, attempt: Attempt<T>): Promise<Attempted<T>> {
  for (let failures = 1; ; failures++) {
    try {
      const result = await orOver(attempt.run, attempt.signal)
      return attempt.signal.aborted ? { kind: 'over' } : result
    } catch (error) {
      if (attempt.signal.aborted) return { kind: 'over' }
      if (!isRetryable(error)) throw error
      const delayMs = pauseMs(tools, failures)
      attempt.onRetry(delayMs, error)
      await tools.clock.sleep(delayMs, attempt.signal)
      if (attempt.signal.aborted) return { kind: 'over' }
    }
  }
}

/** Like `run()`, but ends as `over` when `signal` aborts, whether `run` heeds it or not. */
export async function orOver<T>(run: () => Promise<T>, signal: AbortSignal): Promise<Attempted<T>> {
  if (signal.aborted) return { kind: 'over' }
  return new Promise((resolve, reject) => {
    const over = () => resolve({ kind: 'over' })
    signal.addEventListener('abort', over, { once: true })
    run()
      .then((value) => resolve({ kind: 'done', value }), reject)
      .finally(() => signal.removeEventListener('abort', over))
  })
}
