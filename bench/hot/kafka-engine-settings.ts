/** Settings of ClickHouse's Kafka engine that were tried; `npm run bench -- hot --tune` measures them all again. */
export interface KafkaEngineSettings {
  readonly consumers: number
  readonly threadPerConsumer: 0 | 1
  /** Rows of a block, which becomes a part. */
  readonly blockRows: number
  readonly pollRows: number
  readonly flushMs: number
}

const BASE: KafkaEngineSettings = {
  consumers: 1,
  threadPerConsumer: 0,
  blockRows: 65_536,
  pollRows: 65_536,
  flushMs: 7_500,
}

const TWO_THREADS: KafkaEngineSettings = { ...BASE, consumers: 2, threadPerConsumer: 1 }

/** The best of the attempts. A short flush keeps the rest of a finite topic from waiting at its end. */
export const CHOSEN: KafkaEngineSettings = { ...TWO_THREADS, blockRows: 262_144, flushMs: 2_000 }

export const ATTEMPTS: readonly KafkaEngineSettings[] = [
  BASE,
  { ...BASE, blockRows: 262_144 },
  { ...BASE, blockRows: 1_048_576 },
  { ...BASE, pollRows: 10_000 },
  { ...BASE, flushMs: 1_000 },
  { ...BASE, blockRows: 262_144, flushMs: 2_000 },
  { ...BASE, consumers: 2 },
  TWO_THREADS,
  { ...TWO_THREADS, blockRows: 262_144 },
  { ...TWO_THREADS, blockRows: 65_536, flushMs: 2_000 },
  CHOSEN,
]
