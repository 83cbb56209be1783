import type { ObjectStore } from '../../runtime/object-store/contract.ts'
import { DaybookError } from '../../schemas/errors.ts'

/**
 * Asks, before anything is written, whether the bucket can hold an archive.
 * @throws DaybookError DAYBOOK_COLD_NO_OBJECT_LOCK, DAYBOOK_S3_…
 */
export async function checkArchiveStore(store: ObjectStore, signal?: AbortSignal): Promise<void> {
  if (await hasLock(store, signal)) return
  throw new DaybookError(
    'DAYBOOK_COLD_NO_OBJECT_LOCK',
    'The bucket in DAYBOOK_S3_BUCKET was made without Object Lock, so nothing in it can be locked. Make a new bucket with Object Lock enabled.',
    { scope: 'worker' },
  )
}

/** A bucket that cannot be asked at the start, because it is missing or forbidden, is a fault of the configuration. */
async function hasLock(store: ObjectStore, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    return await store.hasObjectLock(signal)
  } catch (error) {
    if (!(error instanceof DaybookError) || error.retryable) throw error
    const { code, message, cause, details } = error
    throw new DaybookError(code, message, { scope: 'worker', cause, details })
  }
}
