import type { Clock } from '../../../runtime/clock.ts'

/** A clock on which every sleep ends at once and moves the time; it keeps what was slept. */
export class LeapingClock implements Clock {
  nowMs = 0
  readonly sleeps: number[] = []

  now(): number {
    return this.nowMs
  }

  async sleep(ms: number): Promise<void> {
    this.sleeps.push(ms)
    this.nowMs += ms
  }

  after(ms: number, fn: () => void): () => void {
    this.nowMs += ms
    fn()
    return () => {}
  }
}

/** A clock that stands still: sleeps end only when their signal aborts. */
export const stillClock: Clock = {
  now: () => 0,
  sleep: (_, signal) =>
    new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true })),
  after: () => () => {},
}
