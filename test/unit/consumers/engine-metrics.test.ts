import { describe, expect, it } from 'vitest'
import { countObjects } from '../../../consumers/archive-metrics.ts'
import { createClockOffset } from '../../../consumers/clock-offset.ts'
import type { EngineHealth } from '../../../consumers/engine/health/engine-health.ts'
import type { PartitionHealth } from '../../../consumers/engine/health/partition-health.ts'
import { accountThrough } from '../../../consumers/engine/range.ts'
import { SourceRecord } from '../../../consumers/engine/source-record.ts'
import { collectHealth, createEngineMetrics } from '../../../consumers/engine-metrics.ts'
import { createMetrics } from '../../../runtime/metrics.ts'
import type { CreateOutcome, ObjectStore } from '../../../runtime/object-store/contract.ts'

const REF = { topic: 't.standard', topicId: '00000000-0000-4000-8000-000000000001', partition: 0 }
const OTHER = { ...REF, partition: 1 }
const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {}, fatal: () => {} }

function observed(now = 10_000) {
  const metrics = createMetrics()
  // Only the methods that the observer calls.
  const log = silent as unknown as Parameters<typeof createEngineMetrics>[0]['log']
  return { metrics, observer: createEngineMetrics({ metrics, log, now: () => now, onCrash: () => {} }) }
}

const record = (offset: bigint, appendTime: number, value: string) =>
  SourceRecord.of({ offset, appendTime, key: null, value: Buffer.from(value) })

describe('the metrics of the engine', () => {
  it('tell what was fetched, in records and bytes, and how old the newest record was', () => {
    const { metrics, observer } = observed()
    observer.fetched(REF, [record(0n, 9_000, 'ab'), record(1n, 9_990, 'cde')], 2n)
    const text = metrics.expose()
    expect(text).toContain('daybook_fetched_records_total{topic="t.standard",partition="0"} 2')
    expect(text).toContain('daybook_fetched_bytes_total{topic="t.standard",partition="0"} 5')
    expect(text).toContain('daybook_clock_offset_milliseconds 10\n')
  })

  it('show one code of a stopped partition, the last', () => {
    const { metrics, observer } = observed()
    const stop = { partition: REF, message: 'm', since: 0, attempts: 1 }
    observer.stopped({ ...stop, code: 'DAYBOOK_A' }, null)
    observer.stopped({ ...stop, code: 'DAYBOOK_B' }, null)
    const series = (code: string) =>
      `daybook_partition_stopped{topic="t.standard",partition="0",code="${code}"}`
    expect(metrics.expose()).toContain(`${series('DAYBOOK_A')} 0`)
    expect(metrics.expose()).toContain(`${series('DAYBOOK_B')} 1`)
    observer.healed({ ...stop, code: 'DAYBOOK_B' })
    expect(metrics.expose()).toContain(`${series('DAYBOOK_B')} 0`)
  })

  it('count gaps by their reasons, up to what the store holds', () => {
    const { metrics, observer } = observed()
    const range = {
      ...{ partition: REF, first: 0n, last: 9n, records: [], bytes: 0 },
      gaps: [
        { first: 0n, last: 3n, reason: 'control' },
        { first: 4n, last: 5n, reason: 'aborted' },
        { first: 6n, last: 9n, reason: 'control' },
      ],
    } as const
    observer.accounted(REF, accountThrough(range, 7n))
    const text = metrics.expose()
    expect(text).toContain('daybook_gap_offsets_total{topic="t.standard",reason="control"} 6')
    expect(text).toContain('daybook_gap_offsets_total{topic="t.standard",reason="aborted"} 2')
  })

  it('count as delivered what was delivered, not what was tried', () => {
    const { metrics, observer } = observed()
    const records = [
      {
        record: record(0n, 9_000, '7 bytes'),
        verdict: { kind: 'event', schemaId: 1, payloadStart: 0 },
      } as const,
    ]
    const range = { partition: REF, first: 0n, last: 0n, records, bytes: 384, gaps: [] }
    observer.deliveryEnded([range], null, 5)
    observer.deliveryEnded([range], ['fenced'], 5)
    expect(metrics.expose()).not.toContain('daybook_delivered_bytes_total{')
    observer.deliveryEnded([range], ['delivered'], 5)
    expect(metrics.expose()).toContain('daybook_delivered_bytes_total{topic="t.standard",partition="0"} 7')
  })

  it('forget a partition that went to another worker', () => {
    const { metrics, observer } = observed()
    const tip = { last: null, lastRecord: null, acceptedLossThrough: null }
    observer.assigned(1, [REF, OTHER])
    observer.claimed(REF, tip, 5n)
    observer.claimed(OTHER, tip, 6n)
    observer.assigned(2, [OTHER])
    const text = metrics.expose()
    expect(text).not.toContain('daybook_position_offset{topic="t.standard",partition="0"}')
    expect(text).toContain('daybook_position_offset{topic="t.standard",partition="1"} 6')
  })

  it('tell no lag before the log was asked', () => {
    const metrics = createMetrics()
    const partition = (ref: typeof REF, logEnd: bigint | null) =>
      ({ partition: ref, lag: 0n, logEnd, records: 3, paused: [] }) as unknown as PartitionHealth
    const health = {
      partitions: [partition(REF, null), partition(OTHER, 0n)],
      bufferedBytes: 1_234,
    } as unknown as EngineHealth
    collectHealth(metrics, health)
    const text = metrics.expose()
    expect(text).not.toContain('daybook_lag_offsets{topic="t.standard",partition="0"}')
    expect(text).toContain('daybook_lag_offsets{topic="t.standard",partition="1"} 0')
    expect(text).toContain('daybook_open_records 6')
    expect(text).toContain('daybook_open_bytes 1234')
  })
})

describe('the clock offset', () => {
  it('is the least way of the last minutes, so old records do not count once a fresh one came', () => {
    let now = 1_000_000
    const offset = createClockOffset(() => now)
    expect(offset.sample(now - 90_000)).toBe(90_000)
    expect(offset.sample(now + 3_000)).toBe(-3_000)
    now += 60_000
    expect(offset.sample(now - 50)).toBe(-3_000)
    now += 5 * 60_000
    expect(offset.sample(now - 40)).toBe(40)
  })
})

describe('a store that counts', () => {
  it('counts archive objects that it created, by topic, and nothing else', async () => {
    const metrics = createMetrics()
    const outcomes: CreateOutcome[] = [
      { kind: 'created', versionId: '1' },
      { kind: 'exists' },
      { kind: 'created', versionId: '2' },
    ]
    // Only `create` is called.
    const plain = { create: async () => outcomes.shift() } as unknown as ObjectStore
    const store = countObjects(plain, metrics, ['t.standard'])
    expect(metrics.expose()).toContain('daybook_archive_objects_total{topic="t.standard"} 0')
    const key = `v1/t.standard/${REF.topicId}/p=0/2026/11/26/01/10-00000000000000000000.avro`
    const request = { pieces: [Buffer.alloc(3), Buffer.alloc(4)], contentType: 'x', retainUntil: new Date(0) }
    for (const each of [key, key, `v1/t.standard/${REF.topicId}/p=0/init`])
      await store.create({ ...request, key: each })
    const text = metrics.expose()
    expect(text).toContain('daybook_archive_objects_total{topic="t.standard"} 1')
    expect(text).toContain('daybook_archive_bytes_total{topic="t.standard"} 7')
  })
})
