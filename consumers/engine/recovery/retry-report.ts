import { DaybookError } from '../../../schemas/errors.ts'
import type { EngineObserver, RetriedStep } from '../observer.ts'
import type { PartitionSession } from '../partition-session.ts'

/** Reports a retry of a partition's step, and lets the partition's health say why it stands still. */
export function retried(observer: EngineObserver, step: RetriedStep, session: PartitionSession) {
  return (delayMs: number, error: unknown): void => {
    session.waitsFor(step, error instanceof DaybookError ? error.code : 'unknown')
    if (step === 'tip') session.recoveryFailed()
    observer.retrying(step, session.partition, delayMs, error)
  }
}
