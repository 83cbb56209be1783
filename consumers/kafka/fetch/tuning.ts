export interface KafkaSourceTuning {
  /** A member that is silent for so long loses its partitions. */
  readonly sessionTimeoutMs: number
  /** How long a rebalance waits for members to join again. */
  readonly rebalanceTimeoutMs: number
  /** Also how soon a member notices a rebalance. */
  readonly heartbeatIntervalMs: number
  /** How often topic ids, leaders and partition counts are asked for. */
  readonly metadataMaxAgeMs: number
  /** How often the settings of topics are asked for. */
  readonly settingsCheckMs: number
  /** How long a fetch waits at the broker when there is nothing new. */
  readonly maxWaitMs: number
  /** Bytes of one fetch answer, and of one partition in it, as the broker holds them (compressed). */
  readonly maxFetchBytes: number
  readonly maxBytesPerPartition: number
  /** Decompressed bytes after which a batch of records is handed over. */
  readonly maxSliceBytes: number
  /** A record batch that decompresses to more is quarantined as it is. */
  readonly maxBatchBytes: number
}

export const DEFAULT_TUNING: KafkaSourceTuning = {
  sessionTimeoutMs: 30_000,
  rebalanceTimeoutMs: 60_000,
  heartbeatIntervalMs: 1_000,
  metadataMaxAgeMs: 30_000,
  // Compaction, the most urgent to see, begins 15 seconds after it was switched on (`log.cleaner.backoff.ms`).
  settingsCheckMs: 10_000,
  maxWaitMs: 500,
  maxFetchBytes: 6 * 1024 * 1024,
  maxBytesPerPartition: 4 * 1024 * 1024,
  maxSliceBytes: 4 * 1024 * 1024,
  maxBatchBytes: 32 * 1024 * 1024,
}
