import { describe, expect, it } from 'vitest'
import { lostBefore } from '../../../cli/offsets/positions.ts'
import type { Status } from '../../../cli/status/gather.ts'
import { statusText } from '../../../cli/status/text.ts'

const settings = {
  ...{ kafkaBrokers: ['k:1'], registryUrl: 'http://r', clickhouseUrl: 'http://c' },
  ...{ s3Endpoint: 'http://s', s3Bucket: 'b' },
}
const ok = { ok: true, ms: 1 } as const
const calm: Status = {
  answers: { kafka: ok, registry: ok, clickhouse: ok, s3: ok },
  objectLock: true,
  members: { 'daybook-hot': 1, 'daybook-cold': 2 },
  groupConcerns: [],
  positions: [],
  topicFindings: [],
  stopped: [],
}
const row: Status['positions'][number] = {
  ...{ group: 'daybook-hot', topic: 't', topicId: 'id', partition: 3 },
  ...{ logStart: 2_661_079n, logEnd: 2_661_141n, committed: 350_283n, lag: 62n, tip: 350_282n },
  lost: { first: 350_283n, last: 2_661_078n },
}

it('says who is in the groups, and never a number that it does not know', () => {
  expect(statusText(settings, calm)).toContain('  daybook-hot: 1 worker\n  daybook-cold: 2 workers')
  const unknown = statusText(settings, {
    ...calm,
    members: { 'daybook-hot': null },
    groupConcerns: [
      { group: 'daybook-hot', message: 'members cannot be listed: the group is of type share' },
    ],
  })
  expect(unknown).toContain('  daybook-hot: an unknown number of workers\n')
  expect(unknown).toContain('✗ daybook-hot: members cannot be listed: the group is of type share')
  expect(unknown).not.toContain('0 workers')
})

it('says which offsets the log has lost, with the remedy, though nothing is stopped yet', () => {
  const text = statusText(settings, { ...calm, positions: [row, { ...row, partition: 4, lost: null }] })
  expect(text).toContain(
    '✗ daybook-hot: t/3: offsets 350283..2661078 are gone before they were delivered\n    Find out',
  )
  expect(text).toContain('daybook offsets accept-gap')
  expect(text).not.toContain('t/4: offsets')
  expect(text).toMatch(/350282\s+350283\.\.2661078/)
})

describe('what is lost', () => {
  it.each([
    ['behind the tip', 10n, 4n, 5n, { first: 5n, last: 9n }],
    ['behind the tip, whatever is committed', 10n, 4n, 10n, { first: 5n, last: 9n }],
    ['from the beginning, of a store that holds nothing', 10n, null, null, { first: 0n, last: 9n }],
    [
      'behind what is committed, where the store does not answer',
      10n,
      undefined,
      7n,
      { first: 7n, last: 9n },
    ],
    ['nothing, where the log begins behind the tip', 10n, 9n, 0n, null],
    ['nothing, where the log still has it', 10n, 20n, 21n, null],
    ['nothing, of a log that has lost nothing', 0n, null, null, null],
    ['unknown, where nothing is known', 10n, undefined, null, null],
  ])('%s', (_name, logStart, tip, committed, lost) => {
    expect(lostBefore(logStart, tip, committed)).toEqual(lost)
  })
})
