import type { ColdConfig } from '../runtime/worker-config.ts'
import { minuteOf } from '../schemas/archive/key.ts'
import { countObjects } from './archive-metrics.ts'
import { checkArchiveStore } from './cold/check-store.ts'
import { createColdSink } from './cold/sink.ts'
import { createColdContext } from './cold-context.ts'
import { describeTopics } from './kafka/topics/describe-topics.ts'
import { kafkaOf, runWorker } from './worker.ts'

/** The cold worker: Kafka → S3 under Object Lock. Ends the process. */
export async function runColdWorker(config: ColdConfig): Promise<never> {
  return runWorker({
    service: 'cold',
    groupId: 'daybook-cold',
    config,
    quarantineTopic: null,
    make: async ({ catalogue, failpoints, log, metrics }) => {
      const { clusterId } = await describeTopics(kafkaOf(config), config.topics)
      const onTampering = (report: object) => log.error({ report }, 'the archive was tampered with')
      const plain = createColdContext({ config, clusterId, onTampering })
      const context = { ...plain, store: countObjects(plain.store, metrics, config.topics) }
      return {
        sink: createColdSink({ ...context, catalogue, failpoints, codec: config.archiveCodec }),
        cut: {
          maxRows: config.cutRows,
          maxBytes: config.cutBytes,
          maxAgeMs: config.cutAgeMs,
          boundary: (first, next) => minuteOf(next.appendTime) > minuteOf(first.appendTime),
        },
        takesNewerSchemas: true,
        limits: { concurrentDeliveries: 4 },
        checkStore: () => checkArchiveStore(context.store),
      }
    },
  })
}
