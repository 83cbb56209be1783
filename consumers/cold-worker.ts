import type { ColdConfig } from '../runtime/worker-config.ts'
import { readArchiveKeys } from './archive-keys.ts'
import { countObjects } from './archive-metrics.ts'
import { checkArchiveStore } from './cold/check-store.ts'
import { COLD_LIMITS } from './cold/limits.ts'
import { isLaterMinute } from './cold/minute.ts'
import { createColdSink } from './cold/sink.ts'
import { createColdContext } from './cold-context.ts'
import { GROUPS } from './kafka/group/group-ids.ts'
import { BYTE_READER_VERSION } from './kafka/protocol/byte-reader-version.ts'
import { readClusterId } from './kafka/topics/describe-topics.ts'
import { kafkaOf, runWorker } from './worker.ts'

/** The cold worker: Kafka → S3 under Object Lock. Ends the process. */
export async function runColdWorker(config: ColdConfig): Promise<never> {
  return runWorker({
    service: 'cold',
    groupId: GROUPS.cold,
    config,
    quarantineTopic: null,
    make: async ({ catalogue, failpoints, log, metrics }) => {
      // Before Kafka is asked, which may take a minute to not answer.
      const keys = readArchiveKeys(config)
      const clusterId = await readClusterId(kafkaOf(config))
      const onTampering = (report: object) => log.error({ report }, 'the archive was tampered with')
      const plain = createColdContext({ config, keys, clusterId, onTampering })
      const context = { ...plain, store: countObjects(plain.store, metrics, config.topics) }
      return {
        sink: createColdSink({
          ...context,
          catalogue,
          failpoints,
          codec: config.archiveCodec,
          readerVersion: BYTE_READER_VERSION,
        }),
        cut: {
          maxRows: config.cutRows,
          maxBytes: config.cutBytes,
          maxAgeMs: config.cutAgeMs,
          boundary: isLaterMinute,
        },
        takesNewerSchemas: true,
        limits: COLD_LIMITS,
        checkStore: () => checkArchiveStore(context.store),
      }
    },
  })
}
