import type { Clock } from '../../runtime/clock.ts'
import { REST_RATIO } from '../../runtime/loop-turn.ts'

/**
 * Does work one piece after another, with pauses: other work needs a dozen turns of the event loop, and must not wait
 * for such a piece in each of them.
 */
export class PacedWork {
  readonly #clock: Pick<Clock, 'sleep'>
  #free: Promise<void> = Promise.resolve()

  constructor(clock: Pick<Clock, 'sleep'>) {
    this.#clock = clock
  }

  /** @param work gives how long it kept the event loop at most, in milliseconds; what fails is followed by no pause */
  run<T>(work: () => Promise<{ readonly result: T; readonly busyMs: number }>): Promise<T> {
    const done = this.#free.then(work)
    this.#free = done.then(
      ({ busyMs }) => this.#clock.sleep(busyMs * REST_RATIO),
      () => undefined,
    )
    return done.then(({ result }) => result)
  }
}
