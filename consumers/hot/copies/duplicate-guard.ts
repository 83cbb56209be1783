import type { EventIds } from './event-ids.ts'

/**
 * Lets deliveries run side by side, except those that hold copies of one event: a look-up has to see what the other
 * one inserts, or has to come before it was inserted.
 */
export class DuplicateGuard {
  readonly #running = new Map<EventIds, Promise<unknown>>()

  /** Runs `act` when no running one shares an id with it; whatever became of those. */
  async run<T>(ids: EventIds, act: () => Promise<T>): Promise<T> {
    for (let other = this.#sharing(ids); other !== undefined; other = this.#sharing(ids)) await other
    const run = act()
    this.#running.set(
      ids,
      run.catch(() => {}),
    )
    try {
      return await run
    } finally {
      this.#running.delete(ids)
    }
  }

  #sharing(ids: EventIds): Promise<unknown> | undefined {
    for (const [other, ended] of this.#running) if (other.sharesWith(ids)) return ended
    return undefined
  }
}
