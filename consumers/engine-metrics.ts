import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { DaybookError } from '../schemas/errors.ts'
import { createClockOffset } from './clock-offset.ts'
import type { PartitionRef, Range } from './engine/contracts.ts'
import type { EngineHealth } from './engine/health/engine-health.ts'
import type { EngineObserver } from './engine/observer.ts'

export interface EngineMetricsOptions {
  readonly metrics: Metrics
  readonly log: Log
  readonly now: () => number
  /** Ends the process. */
  readonly onCrash: (error: unknown) => void
}

/** Of keys and values: what a range holds in memory is more. */
function contentBytes({ records }: Range): number {
  let bytes = 0
  for (const { record } of records) bytes += record.size
  return bytes
}

/** Tells operators what the engine does: numbers always, log lines only where somebody may have to act. */
export function createEngineMetrics(options: EngineMetricsOptions): EngineObserver {
  const { metrics, log, now } = options
  for (const name of ['daybook_rebalances_total', 'daybook_fenced_total'] as const) metrics.add(name, {}, 0)
  return {
    ...createFetchMetrics(options),
    badRecords: ({ topic }, code, count) => {
      metrics.add('daybook_quarantined_records_total', { topic, code }, count)
    },
    flood: (partition, code, inARow) => {
      log.error({ partition: nameOf(partition), code, inARow }, 'a producer sends nothing but bad records')
    },
    cut: () => {},
    deliveryStarted: () => {},
    deliveryEnded: (ranges, outcomes, ms) => {
      metrics.add('daybook_deliveries_total', { outcome: outcomes === null ? 'unknown' : 'answered' })
      metrics.observe('daybook_delivery_seconds', {}, ms / 1_000)
      let rows = 0
      let oldest = Number.POSITIVE_INFINITY
      for (const [at, range] of ranges.entries()) {
        rows += range.records.length
        oldest = Math.min(oldest, range.records[0]?.record.appendTime ?? oldest)
        if (outcomes?.[at] === 'delivered')
          metrics.add('daybook_delivered_bytes_total', labelsOf(range.partition), contentBytes(range))
      }
      metrics.observe('daybook_delivery_rows', {}, rows)
      if (outcomes !== null)
        metrics.observe('daybook_freshness_seconds', {}, Math.max(0, now() - oldest) / 1_000)
    },
    accounted: (partition, account) => {
      metrics.add('daybook_delivered_records_total', labelsOf(partition), account.delivered)
      metrics.set('daybook_progress_timestamp_seconds', labelsOf(partition), now() / 1_000)
      for (const [reason, offsets] of account.gapsByReason)
        metrics.add('daybook_gap_offsets_total', { topic: partition.topic, reason }, Number(offsets))
    },
    fenced: (partition) => {
      metrics.add('daybook_fenced_total', {})
      log.info({ partition: nameOf(partition) }, 'another owner took the partition')
    },
    committed: (partition, next) => {
      metrics.set('daybook_position_offset', labelsOf(partition), Number(next))
    },
    retrying: (step, partition, delayMs, error) => {
      const code = error instanceof DaybookError ? error.code : 'unknown'
      metrics.add('daybook_retries_total', { code })
      log.warn(
        { step, partition: partition && nameOf(partition), delayMs: Math.round(delayMs), err: error },
        'trying again',
      )
    },
    ...createStopMetrics(options),
    crashed: options.onCrash,
  }
}

/** What comes in. */
function createFetchMetrics({
  metrics,
  log,
  now,
}: EngineMetricsOptions): Pick<EngineObserver, 'assigned' | 'claimed' | 'fetched'> {
  const clockOffset = createClockOffset(now)
  let assigned: readonly PartitionRef[] = []
  return {
    assigned: (generation, partitions) => {
      const keys = new Set(partitions.map(nameOf))
      // What went to another worker is told by that one.
      for (const partition of assigned) if (!keys.has(nameOf(partition))) metrics.forget(labelsOf(partition))
      assigned = partitions
      metrics.add('daybook_rebalances_total', {})
      metrics.set('daybook_assigned_partitions', {}, partitions.length)
      log.info({ generation, partitions: partitions.map(nameOf) }, 'partitions assigned')
    },
    claimed: (partition, _tip, position) => {
      metrics.set('daybook_position_offset', labelsOf(partition), Number(position))
    },
    fetched: (partition, records, highWatermark) => {
      metrics.add('daybook_fetched_records_total', labelsOf(partition), records.length)
      const bytes = records.reduce((sum, { size }) => sum + size, 0)
      metrics.add('daybook_fetched_bytes_total', labelsOf(partition), bytes)
      const newest = records.at(-1)?.appendTime
      if (newest !== undefined)
        metrics.set('daybook_clock_offset_milliseconds', {}, clockOffset.sample(newest))
      metrics.set('daybook_high_watermark_offset', labelsOf(partition), Number(highWatermark))
    },
  }
}

/** A stopped partition, told when it stops and again while that lasts. */
function createStopMetrics({
  metrics,
  log,
}: EngineMetricsOptions): Pick<EngineObserver, 'stopped' | 'healed' | 'topicConcern'> {
  const concerns = new Map<string, string>()
  const codes = new Map<string, string>()
  return {
    stopped: (stop, error) => {
      const { partition, code, since, attempts } = stop
      const before = codes.get(nameOf(partition))
      if (before !== undefined && before !== code)
        metrics.set('daybook_partition_stopped', { ...labelsOf(partition), code: before }, 0)
      codes.set(nameOf(partition), code)
      metrics.set('daybook_partition_stopped', { ...labelsOf(partition), code }, 1)
      log.error(
        {
          partition: nameOf(partition),
          code,
          since: new Date(since).toISOString(),
          attempts,
          err: error ?? undefined,
        },
        `partition stopped, the others go on: ${stop.message}`,
      )
    },
    topicConcern: (topic, error) => {
      const before = concerns.get(topic)
      if (before !== undefined) metrics.set('daybook_topic_concern', { topic, code: before }, 0)
      if (error === null) {
        concerns.delete(topic)
        log.info({ topic }, 'the topic is as it must be')
        return
      }
      concerns.set(topic, error.code)
      metrics.set('daybook_topic_concern', { topic, code: error.code }, 1)
      log.error({ topic, code: error.code, err: error }, `something is wrong with a topic: ${error.message}`)
    },
    healed: ({ partition, code }) => {
      codes.delete(nameOf(partition))
      metrics.set('daybook_partition_stopped', { ...labelsOf(partition), code }, 0)
      log.info({ partition: nameOf(partition), code }, 'partition goes on')
    },
  }
}

/** What only a look at the engine tells: lag, pauses and what is open. Called before each scrape. */
export function collectHealth(metrics: Metrics, health: EngineHealth): void {
  const paused = health.partitions.filter((partition) => partition.paused.length > 0)
  metrics.set('daybook_paused_partitions', {}, paused.length)
  const open = health.partitions.reduce((sum, { records }) => sum + records, 0)
  metrics.set('daybook_open_records', {}, open)
  metrics.set('daybook_open_bytes', {}, health.bufferedBytes)
  for (const { partition, lag, logEnd } of health.partitions) {
    // Until the log was asked nobody knows the lag.
    if (logEnd !== null) metrics.set('daybook_lag_offsets', labelsOf(partition), Number(lag))
  }
}

const nameOf = (partition: PartitionRef): string => `${partition.topic}/${partition.partition}`

const labelsOf = ({ topic, partition }: PartitionRef) => ({ topic, partition })
