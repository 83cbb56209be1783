import { isRetryable, scopeOf } from '../../schemas/errors.ts'
import type { DeliveryJob } from './delivery-job.ts'

/**
 * Acts on all jobs at once. Where that fails for good, it is one job's fault, and it is acted on one after the
 * other, so that only the guilty fail. `act` is not repeated for a job that is no longer open, and has to be
 * harmless when it is repeated for one.
 *
 * An error that may be tried again (the store is down) fails all at once; one that concerns the worker is thrown.
 */
export async function eachByItself(
  jobs: readonly DeliveryJob[],
  act: (jobs: readonly DeliveryJob[]) => Promise<void>,
): Promise<void> {
  const error = await failureOf(jobs, act)
  if (error === null) return
  const open = jobs.filter((job) => job.isOpen)
  if (open.length < 2 || isRetryable(error.thrown)) {
    for (const job of open) job.fail(error.thrown)
    return
  }
  for (const [index, job] of open.entries()) {
    const own = await failureOf([job], act)
    if (own === null) continue
    job.fail(own.thrown)
    if (isRetryable(own.thrown)) for (const other of open.slice(index + 1)) other.fail(own.thrown)
    if (isRetryable(own.thrown)) return
  }
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
