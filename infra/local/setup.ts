/**
 * Prepares servers that are named in the environment, once, before the first worker starts: what `npm start` does to
 * its own stack. Run as `node infra/local/setup.ts`; running it again changes nothing.
 */
import { endpointsFromEnvironment } from './endpoints.ts'
import { terminalLog } from './log.ts'
import { localSettings } from './settings.ts'
import { initLocalArchive } from './steps/archive-init.ts'
import { createBucket } from './steps/bucket.ts'
import { migrateHotStore, registerEventSchema } from './steps/schemas.ts'
import { createTopics } from './steps/topics.ts'

const log = terminalLog(process.stderr)
const settings = localSettings(process.env)
const { kafka, s3, clickhouse, registry } = endpointsFromEnvironment(process.env)
if (kafka === undefined || s3 === undefined || clickhouse === undefined || registry === undefined) {
  log.line(
    '✗ set DAYBOOK_KAFKA_BROKERS, DAYBOOK_S3_ENDPOINT, DAYBOOK_CLICKHOUSE_URL and DAYBOOK_REGISTRY_URL',
  )
  process.exit(2)
}
await createTopics({ kafka, ...settings })
await createBucket(s3, settings.bucket)
await migrateHotStore(clickhouse)
await registerEventSchema(registry.url, settings.topics)
await initLocalArchive(process.env)
log.line(`✓ ${settings.topics.join(', ')}, ${settings.quarantineTopic}; bucket ${settings.bucket}`)
