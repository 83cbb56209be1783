/**
 * Prepares servers that are named in the environment, once, before the first worker starts: what `npm start` does to
 * its own stack. Run as `node operations/setup.ts`; running it again changes nothing.
 */

import { initArchiveOf } from './archive-init.ts'
import { createBucket } from './create-bucket.ts'
import { createTopics } from './create-topics.ts'
import { endpointsFromEnvironment } from './endpoints.ts'
import { migrateHotStore, registerEventSchema } from './event-schema.ts'
import { localSettings } from './settings.ts'

const settings = localSettings(process.env)
const { kafka, s3, clickhouse, registry } = endpointsFromEnvironment(process.env)
if (kafka === undefined || s3 === undefined || clickhouse === undefined || registry === undefined) {
  process.stderr.write(
    '✗ set DAYBOOK_KAFKA_BROKERS, DAYBOOK_S3_ENDPOINT, DAYBOOK_CLICKHOUSE_URL and DAYBOOK_REGISTRY_URL\n',
  )
  process.exit(2)
}
await createTopics({ kafka, ...settings })
await createBucket(s3, settings.bucket)
await migrateHotStore(clickhouse)
await registerEventSchema(registry, settings.topics)
await initArchiveOf(process.env, 'first start')
process.stderr.write(
  `✓ ${settings.topics.join(', ')}, ${settings.quarantineTopic}; bucket ${settings.bucket}\n`,
)
