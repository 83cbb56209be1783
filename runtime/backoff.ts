export interface BackoffPolicy {
  /** Upper bound of the first pause; each further bound is twice the one before. */
  readonly baseDelayMs: number
  /** No pause is longer. */
  readonly maxDelayMs: number
}

/**
 * Milliseconds to pause after so many failures in a row (counted from 1). The lower half of the bound is certain, the
 * upper half drawn ("equal jitter"): a dependency that is down is never hammered, and clients that failed together do
 * not return together. `random` gives numbers in [0, 1).
 */
export function backoffMs(
  failures: number,
  policy: BackoffPolicy,
  random: () => number = Math.random,
): number {
  const bound = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** Math.min(failures - 1, 30))
  return bound / 2 + random() * (bound / 2)
}
