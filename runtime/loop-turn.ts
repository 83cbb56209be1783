import { setImmediate } from 'node:timers/promises'

/** Heartbeats, answers and health checks wait for so long at most. */
export const MAX_BLOCKED_MS = 10

/** What took longer than that is followed by so many times as long without more of its kind. */
export const REST_RATIO = 4

/** Lets the event loop have its turn in the midst of work that needs no I/O, and so would not end before it is done. */
export class LoopTurn {
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
