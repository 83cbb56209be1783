import type { Range } from '../../consumers/engine/contracts.ts'
import { partitionKey } from '../../consumers/engine/contracts.ts'
import { fakeFingerprint } from '../support/fakes/fake-fingerprint.ts'
import type { FakeLog } from '../support/fakes/fake-log.ts'
import type { FakeStore } from '../support/fakes/fake-store.ts'

const where = (log: FakeLog) => `${log.partition.topic}/${log.partition.partition}`

/** What is wrong with a range that the store has just taken, after everything up to `before`; null: nothing. */
export function brokenRange(log: FakeLog, store: FakeStore, range: Range, before: bigint): string | null {
  if (range.first <= before)
    return `${where(log)}: offsets twice, ${range.first}..${range.last} after ${before}`
  if (range.first > before + 1n)
    return `${where(log)}: hole before ${range.first}, the store ends at ${before}`
  if (range.records.length === 0) return `${where(log)}: range ${range.first}..${range.last} without records`
  const items = [
    ...range.records.map(({ record }) => ({ first: record.offset, last: record.offset })),
    ...range.gaps,
  ].sort((a, b) => (a.first < b.first ? -1 : 1))
  let next = range.first
  for (const item of items) {
    if (item.first !== next) return `${where(log)}: ${item.first} follows ${next - 1n} in a range`
    next = item.last + 1n
  }
  if (next !== range.last + 1n) return `${where(log)}: range ends at ${range.last}, not ${next - 1n}`
  return wrongRecord(log, range) ?? wrongGap(log, store, range)
}

function wrongRecord(log: FakeLog, range: Range): string | null {
  for (const checked of range.records) {
    const record = log.recordAt(checked.record.offset)
    if (record === null || !fakeFingerprint({ ...checked, record }).equals(fakeFingerprint(checked))) {
      return `${where(log)}: another record than the log's at ${checked.record.offset}`
    }
  }
  return null
}

function wrongGap(log: FakeLog, store: FakeStore, range: Range): string | null {
  const accepted = store.tip(log.partition).acceptedLossThrough ?? -1n
  for (const gap of range.gaps) {
    const lost = gap.reason === 'lost_accepted'
    if (lost && gap.last > accepted)
      return `${where(log)}: loss of ${gap.first}..${gap.last} was not accepted`
    if (!lost && !log.isGap(gap.first, gap.last)) {
      return `${where(log)}: records at ${gap.first}..${gap.last} passed as ${gap.reason}`
    }
  }
  return null
}

/** A committed position may pass what is stored, and then only offsets without record. */
export function commitTooFar(log: FakeLog, store: FakeStore, next: bigint): string | null {
  const { last, acceptedLossThrough } = store.tip(log.partition)
  const stored = last ?? -1n
  // An accepted loss is a gap like others: the next range lists it.
  const lost = acceptedLossThrough ?? -1n
  const from = (stored > lost ? stored : lost) + 1n
  if (next <= from || log.isGap(from, next - 1n)) return null
  return `${where(log)}: committed ${next}, the store ends at ${stored}`
}

/** The first record of the log that the store neither holds nor lists as lost; null: none. */
export function missing(log: FakeLog, store: FakeStore): bigint | null {
  const stored = store.tip(log.partition).last ?? -1n
  return log.nextRecord(stored + 1n)?.offset ?? null
}

/** Counts every record once, over the whole store. */
export function miscounted(log: FakeLog, store: FakeStore): string | null {
  const seen = new Set<bigint>()
  for (const range of store.ranges(log.partition)) {
    for (const { record } of range.records) {
      if (seen.has(record.offset)) return `${partitionKey(log.partition)}: ${record.offset} twice`
      seen.add(record.offset)
    }
  }
  return null
}
