import { setTimeout } from 'node:timers/promises'
import { LoopTurn, MAX_BLOCKED_MS, REST_RATIO } from '../../../runtime/loop-turn.ts'

/** A slice of events has fewer: so many are of a few bytes each. */
const MANY_RECORDS = 50_000
/** Each of those takes 4 µs behind the decoder, until it is delivered; the others get as much and more. */
const MS_PER_RECORD = 0.01

/**
 * Lets the event loop have its turn. To take an answer apart and to hand over what is in it needs nothing but
 * microtasks where there is room: a few MB of batches that unpack to much would keep heartbeats, other partitions'
 * answers and health checks waiting for many seconds.
 */
export class LoopTurns {
  readonly #turn = new LoopTurn()
  #rest: Promise<void> = Promise.resolve()

  /**
   * Resolves at once, or in the next turn of the loop where the last one is some time ago. What has kept the loop for
   * long, `busyMs` milliseconds, or will, because it has very many records, may go on only later, one partition after
   * another: a row of another partition needs a dozen turns from the fetch to the insert, and must not wait for such a
   * slice in each of them.
   */
  async giveWay(busyMs: number, records: number): Promise<void> {
    const laterMs = records > MANY_RECORDS ? records * MS_PER_RECORD : 0
    if (busyMs > MAX_BLOCKED_MS || laterMs > 0) {
      this.#rest = this.#rest.then(() => setTimeout(busyMs * REST_RATIO + laterMs))
      await this.#rest
    }
    await this.#turn.giveWay()
  }
}
