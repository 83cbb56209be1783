import { systemClock } from '../runtime/clock.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { HotConfig } from '../runtime/worker-config.ts'
import { createHotClients } from './hot/clickhouse/client.ts'
import { createHotStore } from './hot/clickhouse/store.ts'
import type { InsertEncoding } from './hot/insert/insert-encoding.ts'
import { createHotSink } from './hot/sink.ts'
import { GROUPS } from './kafka/group/group-ids.ts'
import { createQuarantineWriter } from './kafka/quarantine/quarantine-writer.ts'
import { readClusterId } from './kafka/topics/describe-topics.ts'
import { createQuarantineMetrics } from './quarantine-metrics.ts'
import { kafkaDependency, kafkaOf, runWorker } from './worker.ts'

const DATABASE = 'daybook'
const MIB = 1024 * 1024

/**
 * What ranges hold in memory. While the store writes nothing, 12 MiB are worth an insert; beside another one half of
 * what that one leaves, some 20 MiB. Memory is for the insert under way and the next one: more waiting records made the
 * worker twice as large and nothing faster (docs/decisions/hot-insert.md).
 */
const BUFFER = {
  earlyFlushBytes: 28 * MIB,
  idleFlushBytes: 12 * MIB,
  memoryBytes: 56 * MIB,
  memoryLowBytes: 44 * MIB,
}

export interface HotWorkerOptions {
  readonly config: HotConfig
  /** For comparisons. */
  readonly encoding?: InsertEncoding
}

/** The hot worker: Kafka → ClickHouse. Ends the process. */
export async function runHotWorker({ config, ...chosen }: HotWorkerOptions): Promise<never> {
  return runWorker({
    service: 'hot',
    groupId: GROUPS.hot,
    config,
    quarantineTopic: config.quarantineTopic,
    make: async ({ catalogue, failpoints, log, metrics }) => {
      zeroMetrics(metrics, config.topics)
      const clients = createHotClients({
        url: config.clickhouseUrl,
        user: config.clickhouseUser,
        password: config.clickhousePassword ?? '',
        requestTimeoutMs: config.storeTimeoutMs,
      })
      const store = createHotStore({ clients, database: DATABASE })
      const sink = createHotSink({
        clients,
        database: DATABASE,
        schemas: {
          table: catalogue.newest.schema,
          schemaOf: (id) => {
            catalogue.assertNotNewer(id)
            return catalogue.schemaOf(id).schema
          },
        },
        quarantine: createQuarantineWriter({
          ...kafkaOf(config),
          ...{ topic: config.quarantineTopic, budgetBytes: config.quarantineBudgetBytes, log },
          observer: createQuarantineMetrics({ metrics, log }),
        }),
        clock: systemClock,
        failpoints,
        onExpired: ({ topic, partition }, events) => {
          metrics.add('daybook_gap_offsets_total', { topic, reason: 'expired' }, events)
          log.warn({ topic, partition, events }, 'events were older than the table keeps them')
        },
        onCopies: (topic, kind, events) =>
          metrics.add(
            kind === 'superseded' ? 'daybook_superseded_records_total' : 'daybook_conflicting_records_total',
            { topic },
            events,
          ),
        onRecheckFailed: ({ topic, partition }, err) =>
          log.warn(
            { topic, partition, err },
            'could not look for copies of what was inserted before: trying again',
          ),
        ...chosen,
      })
      const cut = { maxRows: config.cutRows, maxBytes: config.cutBytes, maxAgeMs: config.cutAgeMs }
      // Partitions keep step, so that they share inserts: few large parts instead of many small ones. The store is
      // given the next insert while it sorts and writes the one before.
      return {
        sink,
        cut,
        takesNewerSchemas: false,
        limits: { gatherAgeRatio: 0.5, concurrentDeliveries: 2, ...BUFFER },
        asks: [
          {
            dependency: kafkaDependency(config),
            ask: async () => void (await readClusterId(kafkaOf(config), 'short')),
          },
          {
            dependency: {
              name: 'ClickHouse',
              address: config.clickhouseUrl,
              setting: 'DAYBOOK_CLICKHOUSE_URL',
            },
            ask: async () => void (await store.rows('SELECT 1')),
          },
        ],
      }
    },
  })
}

/** A counter that begins at its first event hides that event from rules, which look at increases. */
function zeroMetrics(metrics: Metrics, topics: readonly string[]): void {
  for (const topic of topics) {
    metrics.add('daybook_superseded_records_total', { topic }, 0)
    metrics.add('daybook_conflicting_records_total', { topic }, 0)
    metrics.add('daybook_quarantine_bytes_total', { topic }, 0)
    metrics.add('daybook_quarantine_references_total', { topic }, 0)
  }
}
