import { DaybookError } from '../../../schemas/errors.ts'
import type { EngineObserver, RetriedStep } from '../observer.ts'
import type { PartitionSession } from '../partition-session.ts'

export function codeOf(error: unknown): string {
  return error instanceof DaybookError ? error.code : 'unknown'
}

/** Reports a retry of a partition's step, and lets the partition's health say why it stands still. */
export function retried(observer: EngineObserver, step: RetriedStep, session: PartitionSession) {
  return (delayMs: number, error: unknown): void => {
    session.waiting = { step, code: codeOf(error) }
    observer.retrying(step, session.partition, delayMs, error)
  }
}
