const FORGET_MS = 10 * 60_000

/**
 * This host's clock minus the broker's. Each acknowledgement of a LogAppendTime topic bounds it to half its round
 * trip; the tightest bound of the last minutes counts.
 */
export class ClockOffset {
  ms: number | null = null
  #roundTripMs = Number.POSITIVE_INFINITY
  #takenAt = 0

  sample(offsetMs: number, roundTripMs: number, now: number): void {
    if (roundTripMs > this.#roundTripMs && now - this.#takenAt < FORGET_MS) return
    this.ms = offsetMs
    this.#roundTripMs = roundTripMs
    this.#takenAt = now
  }
}
