/** Estimates how far this host's clock is ahead of the brokers', from when records were appended and arrived. */
export interface ClockOffset {
  /** Takes in a record's append time, in milliseconds, and gives the estimate, negative where this host is behind. */
  sample(appendTime: number): number
}

const BUCKET_MS = 60_000
const BUCKETS = 5

/**
 * A record arrives after it was appended, so arrival − append time is the offset and the record's way here: the least
 * value of the last minutes comes closest. Old records that are read late do not matter as soon as a fresh one came.
 */
export function createClockOffset(now: () => number): ClockOffset {
  let buckets: { readonly startedAt: number; least: number }[] = []
  return {
    sample: (appendTime) => {
      const at = now()
      buckets = buckets.filter(({ startedAt }) => Math.abs(at - startedAt) < BUCKETS * BUCKET_MS)
      const newest = buckets.at(-1)
      const sample = at - appendTime
      if (newest === undefined || at - newest.startedAt >= BUCKET_MS)
        buckets.push({ startedAt: at, least: sample })
      else newest.least = Math.min(newest.least, sample)
      return Math.min(...buckets.map(({ least }) => least))
    },
  }
}
