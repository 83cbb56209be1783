export type MetricKind = 'counter' | 'gauge' | 'histogram'

export interface MetricDefinition {
  readonly kind: MetricKind
  /** Base unit, as the name's ending says it. */
  readonly unit:
    | 'records'
    | 'bytes'
    | 'seconds'
    | 'offsets'
    | 'partitions'
    | 'objects'
    | 'count'
    | 'milliseconds'
  readonly help: string
  readonly labels: readonly string[]
  /** Upper bounds, of histograms only. */
  readonly buckets?: readonly number[]
  /** Absent until it first happens; all others are there as soon as a worker has partitions and records. */
  readonly isRare?: true
  /** The one worker that has it. Default: both. */
  readonly only?: 'hot' | 'cold'
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const ROWS = [1, 10, 100, 1_000, 10_000, 50_000, 100_000, 250_000, 500_000]
const PARTITION = ['topic', 'partition'] as const

/** Every metric of the product. Documentation, dashboards and alert rules are checked against this list. */
export const METRICS = {
  daybook_build_info: {
    kind: 'gauge',
    unit: 'count',
    help: 'Always 1; the labels say what runs.',
    labels: ['service', 'version'],
  },
  daybook_ready: { kind: 'gauge', unit: 'count', help: '1 when /readyz answers 200.', labels: [] },
  daybook_fetched_records_total: {
    kind: 'counter',
    unit: 'records',
    help: 'Records taken from Kafka.',
    labels: PARTITION,
  },
  daybook_fetched_bytes_total: {
    kind: 'counter',
    unit: 'bytes',
    help: 'Key and value bytes taken from Kafka.',
    labels: PARTITION,
  },
  daybook_delivered_records_total: {
    kind: 'counter',
    unit: 'records',
    help: 'Records made durable in the store.',
    labels: PARTITION,
  },
  daybook_delivered_bytes_total: {
    kind: 'counter',
    unit: 'bytes',
    help: 'Key and value bytes made durable in the store.',
    labels: PARTITION,
  },
  daybook_quarantined_records_total: {
    kind: 'counter',
    unit: 'records',
    help: 'Bad records, by reason.',
    labels: ['topic', 'code'],
    isRare: true,
  },
  daybook_quarantine_bytes_total: {
    kind: 'counter',
    unit: 'bytes',
    help: 'Bytes written to the quarantine, keys and headers included.',
    labels: ['topic'],
    only: 'hot',
  },
  daybook_quarantine_references_total: {
    kind: 'counter',
    unit: 'count',
    help: 'Bad batches and records whose bytes the quarantine does not keep: too large, or beyond the budget.',
    labels: ['topic'],
    only: 'hot',
  },
  daybook_gap_offsets_total: {
    kind: 'counter',
    unit: 'offsets',
    help: 'Offsets without a record, by reason.',
    labels: ['topic', 'reason'],
    isRare: true,
  },
  daybook_superseded_records_total: {
    kind: 'counter',
    unit: 'records',
    help: 'Copies of an event that was already held; what is looked up again after a failure counts again.',
    labels: ['topic'],
    only: 'hot',
  },
  daybook_conflicting_records_total: {
    kind: 'counter',
    unit: 'records',
    help: 'Events with a known id but other content; what is looked up again after a failure counts again.',
    labels: ['topic'],
    only: 'hot',
  },
  daybook_deliveries_total: {
    kind: 'counter',
    unit: 'count',
    help: 'Deliveries, by outcome.',
    labels: ['outcome'],
  },
  daybook_delivery_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: 'Duration of one attempt to deliver.',
    labels: [],
    buckets: SECONDS,
  },
  daybook_delivery_rows: {
    kind: 'histogram',
    unit: 'records',
    help: 'Records of a delivery.',
    labels: [],
    buckets: ROWS,
  },
  daybook_freshness_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: 'From append in Kafka to durable in the store, the oldest record of each delivery.',
    labels: [],
    buckets: SECONDS,
  },
  daybook_retries_total: {
    kind: 'counter',
    unit: 'count',
    help: 'Attempts that failed and are tried again, by error code.',
    labels: ['code'],
    isRare: true,
  },
  daybook_position_offset: {
    kind: 'gauge',
    unit: 'offsets',
    help: 'The next offset to deliver.',
    labels: PARTITION,
  },
  daybook_high_watermark_offset: {
    kind: 'gauge',
    unit: 'offsets',
    help: "The end of Kafka's log.",
    labels: PARTITION,
  },
  daybook_lag_offsets: {
    kind: 'gauge',
    unit: 'offsets',
    help: 'Offsets in the log that the store does not hold.',
    labels: PARTITION,
  },
  daybook_progress_timestamp_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: 'When the partition last moved, seconds since the Unix epoch.',
    labels: PARTITION,
  },
  daybook_open_records: {
    kind: 'gauge',
    unit: 'records',
    help: 'Records taken in and not delivered yet.',
    labels: [],
  },
  daybook_open_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    help: 'Bytes taken in and not delivered yet.',
    labels: [],
  },
  daybook_paused_partitions: {
    kind: 'gauge',
    unit: 'partitions',
    help: 'Partitions that are not fetched: for want of memory, for their share of it, or before a delivery is tried again.',
    labels: [],
  },
  daybook_partition_stopped: {
    kind: 'gauge',
    unit: 'count',
    help: '1 while the partition is stopped for the reason that `code` names; the others go on.',
    labels: ['topic', 'partition', 'code'],
    isRare: true,
  },
  daybook_topic_concern: {
    kind: 'gauge',
    unit: 'count',
    help: '1 while something is wrong with the topic, as `code` names it, whether or not it is read on.',
    labels: ['topic', 'code'],
    isRare: true,
  },
  daybook_assigned_partitions: {
    kind: 'gauge',
    unit: 'partitions',
    help: 'Partitions of this worker.',
    labels: [],
  },
  daybook_rebalances_total: {
    kind: 'counter',
    unit: 'count',
    help: 'Generations of the group that this worker has seen.',
    labels: [],
  },
  daybook_fenced_total: {
    kind: 'counter',
    unit: 'count',
    help: 'Ranges that another owner of the partition took over.',
    labels: [],
  },
  daybook_archive_objects_total: {
    kind: 'counter',
    unit: 'objects',
    help: 'Objects written to the archive.',
    labels: ['topic'],
    only: 'cold',
  },
  daybook_archive_bytes_total: {
    kind: 'counter',
    unit: 'bytes',
    help: 'Bytes written to the archive, compressed.',
    labels: ['topic'],
    only: 'cold',
  },
  daybook_clock_offset_milliseconds: {
    kind: 'gauge',
    unit: 'milliseconds',
    help: "This host's clock ahead of the broker's, by the freshest record of the last minutes: a negative value is certain, a positive one includes the record's way here.",
    labels: [],
  },
  daybook_event_loop_delay_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: '99th percentile of the event loop delay since the last scrape.',
    labels: [],
  },
  daybook_process_resident_bytes: { kind: 'gauge', unit: 'bytes', help: 'Resident memory.', labels: [] },
  daybook_process_cpu_seconds_total: {
    kind: 'counter',
    unit: 'seconds',
    help: 'CPU time, user and system.',
    labels: [],
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>

type NamesOfKind<K extends MetricKind> = {
  [N in keyof typeof METRICS]: (typeof METRICS)[N]['kind'] extends K ? N : never
}[keyof typeof METRICS]

export type MetricName = keyof typeof METRICS
export type CounterName = NamesOfKind<'counter'>
export type GaugeName = NamesOfKind<'gauge'>
export type HistogramName = NamesOfKind<'histogram'>
export type LabelsOf<N extends MetricName> = Readonly<
  Record<(typeof METRICS)[N]['labels'][number], string | number>
>
