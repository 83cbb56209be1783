import type { Clock } from '../../runtime/clock.ts'

/** So many of something in so much time. */
export class Budget {
  readonly #options: { readonly clock: Pick<Clock, 'now'>; readonly most: number; readonly perMs: number }
  #since = Number.NEGATIVE_INFINITY
  #taken = 0

  constructor(options: {
    readonly clock: Pick<Clock, 'now'>
    readonly most: number
    readonly perMs: number
  }) {
    this.#options = options
  }

  /** Takes as many of `wanted` as there are left. */
  take(wanted: number): number {
    const { clock, most, perMs } = this.#options
    if (clock.now() - this.#since >= perMs) {
      this.#since = clock.now()
      this.#taken = 0
    }
    const given = Math.min(wanted, most - this.#taken)
    this.#taken += given
    return given
  }
}
