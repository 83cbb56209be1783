import { setTimeout } from 'node:timers/promises'
import { LoopTurn, MAX_BLOCKED_MS, REST_RATIO } from '../../../runtime/loop-turn.ts'

/** A slice of events has fewer: so many are of a few bytes each. */
const MANY_RECORDS = 50_000
/** A slice of events takes less, also where the machine has much else to do. */
const LONG_MS = 50
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
   * long, `busyMs` milliseconds, or will, because it has very many records, may go on only later: a row of another
   * partition needs a dozen turns from the fetch to the insert, and must not wait for such a slice in each of them.
   * Slices of a flood follow each other, whichever partitions they are of; a slice of events does not wait for those.
   */
  async giveWay(busyMs: number, records: number): Promise<void> {
    const laterMs = records > MANY_RECORDS ? records * MS_PER_RECORD : 0
    const restMs = busyMs * REST_RATIO + laterMs
    if (busyMs > LONG_MS || laterMs > 0) {
      this.#rest = this.#rest.then(() => setTimeout(restMs))
      await this.#rest
    } else if (busyMs > MAX_BLOCKED_MS) await setTimeout(restMs)
    await this.#turn.giveWay()
  }
}
