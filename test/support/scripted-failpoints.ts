import type { Failpoint, Failpoints } from '../../runtime/failpoints.ts'
import { DaybookError } from '../../schemas/errors.ts'

export interface Hold {
  /** Resolves when the failpoint is hit and held. */
  readonly reached: Promise<void>
  release(): void
}

/** Failpoints that a test sets: once each, to fail or to hold. */
export class ScriptedFailpoints implements Failpoints {
  readonly #script = new Map<Failpoint, () => Promise<void>>()
  readonly #hits = new Map<Failpoint, number>()

  hit(name: Failpoint): Promise<void> | undefined {
    this.#hits.set(name, this.hits(name) + 1)
    const act = this.#script.get(name)
    this.#script.delete(name)
    return act?.()
  }

  hits(name: Failpoint): number {
    return this.#hits.get(name) ?? 0
  }

  /** The next hit ends with a retryable error, as a broken connection would. */
  failAt(name: Failpoint): void {
    this.#script.set(name, () => Promise.reject(broken(name)))
  }

  /** The next hit is held until it is released. */
  holdAt(name: Failpoint): Hold {
    const reached = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    this.#script.set(name, () => {
      reached.resolve()
      return released.promise
    })
    return { reached: reached.promise, release: () => released.resolve() }
  }
}

function broken(name: Failpoint): DaybookError {
  return new DaybookError('DAYBOOK_TEST_BROKEN', `the connection broke at ${name}`, { retryable: true })
}
