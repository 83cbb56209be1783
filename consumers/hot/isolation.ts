import { isRetryable, scopeOf } from '../../schemas/errors.ts'
import { faultNumber } from './clickhouse/fault.ts'
import type { DeliveryJob } from './delivery-job.ts'

const MEMORY_LIMIT_EXCEEDED = 241

/**
 * Acts on all jobs at once. Where that fails for good, it is one job's fault, and it is acted on one after the
 * other, so that only the guilty fail. `act` is not repeated for a job that is no longer open, and has to be
 * harmless when it is repeated for one.
 *
 * An error that may be tried again (the store is down) fails all at once, unless smaller statements may help; one that
 * concerns the worker is thrown.
 */
export async function eachByItself(
  jobs: readonly DeliveryJob[],
  act: (jobs: readonly DeliveryJob[]) => Promise<void>,
): Promise<void> {
  const error = await failureOf(jobs, act)
  if (error === null) return
  const open = jobs.filter((job) => job.isOpen)
  if (open.length < 2 || concernsAll(error.thrown)) {
    for (const job of open) job.fail(error.thrown)
    return
  }
  for (const [index, job] of open.entries()) {
    const own = await failureOf([job], act)
    if (own === null) continue
    job.fail(own.thrown)
    if (!concernsAll(own.thrown)) continue
    for (const other of open.slice(index + 1)) other.fail(own.thrown)
    return
  }
}

/** The others would meet it as well, each after a time-out. */
function concernsAll(error: unknown): boolean {
  return isRetryable(error) && faultNumber(error) !== MEMORY_LIMIT_EXCEEDED
}

async function failureOf(
  jobs: readonly DeliveryJob[],
  act: (jobs: readonly DeliveryJob[]) => Promise<void>,
): Promise<{ readonly thrown: unknown } | null> {
  try {
    await act(jobs)
    return null
  } catch (thrown) {
    if (scopeOf(thrown) === 'worker') throw thrown
    return { thrown }
  }
}
