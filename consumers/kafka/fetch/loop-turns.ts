import { setImmediate } from 'node:timers/promises'

/** Heartbeats, answers and health checks wait for so long at most, and for one slice of each partition. */
const MAX_BLOCKED_MS = 10

/**
 * Lets the event loop have its turn. To take an answer apart and to hand over what is in it needs nothing but
 * microtasks where there is room: a few MB of batches that unpack to much would keep heartbeats, other partitions'
 * answers and health checks waiting for many seconds.
 */
export class LoopTurns {
  #since = performance.now()
  #turn: Promise<void> | null = null

  /** Resolves at once, or in the next turn of the loop where the last one is some time ago. */
  async giveWay(): Promise<void> {
    if (this.#turn === null && performance.now() - this.#since < MAX_BLOCKED_MS) return
    this.#turn ??= setImmediate().then(() => {
      this.#turn = null
      this.#since = performance.now()
    })
    await this.#turn
  }
}
