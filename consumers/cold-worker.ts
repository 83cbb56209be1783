import type { Dependency } from '../runtime/start-steps.ts'
import type { ColdConfig } from '../runtime/worker-config.ts'
import { readArchiveKeys } from './archive-keys.ts'
import { countObjects } from './archive-metrics.ts'
import { checkArchiveStore } from './cold/check-store.ts'
import { COLD_LIMITS } from './cold/limits.ts'
import { isLaterMinute } from './cold/minute.ts'
import { createColdSink } from './cold/sink.ts'
import { bucketOf, createColdContext } from './cold-context.ts'
import { GROUPS } from './kafka/group/group-ids.ts'
import { BYTE_READER_VERSION } from './kafka/protocol/byte-reader-version.ts'
import { readClusterId } from './kafka/topics/describe-topics.ts'
import { configOrExit, kafkaDependency, kafkaOf, runWorker } from './worker.ts'

/** The cold worker: Kafka → S3 under Object Lock. Ends the process. */
export async function runColdWorker(config: ColdConfig): Promise<never> {
  const keys = configOrExit('cold', () => readArchiveKeys(config))
  return runWorker({
    service: 'cold',
    groupId: GROUPS.cold,
    config,
    quarantineTopic: null,
    make: async ({ catalogue, failpoints, log, metrics, steps }) => {
      const [clusterId] = await Promise.all([
        steps.until(kafkaDependency(config), () => readClusterId(kafkaOf(config), 'short')),
        // No partition is taken before it is known that the bucket can hold an archive.
        steps.until(bucketDependency(config), () => checkBucket(config)),
      ])
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
        asks: [],
      }
    },
  })
}

function bucketDependency({ s3Bucket, s3Endpoint, s3Region }: ColdConfig): Dependency {
  const where = s3Endpoint ?? `AWS, region ${s3Region}`
  return {
    name: 'S3',
    address: `${where}, bucket ${s3Bucket}`,
    setting: s3Endpoint === null ? 'DAYBOOK_S3_BUCKET' : 'DAYBOOK_S3_ENDPOINT',
  }
}

async function checkBucket(config: ColdConfig): Promise<void> {
  const bucket = bucketOf(config, config.storeTimeoutMs)
  try {
    await checkArchiveStore(bucket)
  } finally {
    bucket.close()
  }
}
