import { DaybookError } from '../../../../schemas/errors.ts'
import type { Entry } from '../spool/entry.ts'

interface Waiter {
  readonly sequence: number
  /** Waits for everything up to `sequence`, not only for that event. */
  readonly through: boolean
  readonly end: (error: DaybookError | null) => void
}

/** Who waits for which of this process's events. */
export class Progress {
  /** All of this process's events up to this one are settled. */
  passed = 0
  settledCount = 0
  readonly #waiters = new Set<Waiter>()
  readonly #rejected = new Map<number, DaybookError>()

  settled(entry: Entry): void {
    if (!entry.own) return
    this.settledCount++
    if (entry.rejected !== null) this.#rejected.set(entry.sequence, entry.rejected)
    if (this.#waiters.size === 0) return
    for (const waiter of this.#waiters) {
      if (!waiter.through && waiter.sequence === entry.sequence)
        waiter.end(this.#rejected.get(entry.sequence) ?? null)
    }
  }

  passedThrough(sequence: number): void {
    this.passed = sequence
    for (const waiter of this.#waiters) {
      if (waiter.sequence <= sequence)
        waiter.end(waiter.through ? null : (this.#rejected.get(waiter.sequence) ?? null))
    }
  }

  /** Rejects after `timeoutMs`. */
  wait(o: { sequence: number; through: boolean; timeoutMs: number; settledNow: boolean }): Promise<void> {
    const error = this.#rejected.get(o.sequence)
    if (error !== undefined && !o.through) return Promise.reject(error)
    if (o.settledNow || o.sequence <= this.passed) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => waiter.end(notAcknowledged(`within ${o.timeoutMs} ms`)), o.timeoutMs)
      const waiter: Waiter = {
        sequence: o.sequence,
        through: o.through,
        end: (failure) => {
          clearTimeout(timer)
          this.#waiters.delete(waiter)
          if (failure === null) resolve()
          else reject(failure)
        },
      }
      this.#waiters.add(waiter)
    })
  }

  /** Rejects all waits: no further event will be acknowledged. */
  end(): void {
    for (const waiter of this.#waiters) waiter.end(notAcknowledged('before the audit log was closed'))
  }
}

export function notAcknowledged(when: string): DaybookError {
  return new DaybookError(
    'DAYBOOK_SDK_NOT_ACKNOWLEDGED',
    `Kafka did not acknowledge the event ${when}. A spooled event is sent later; look at status() for the reason.`,
    { retryable: false },
  )
}
