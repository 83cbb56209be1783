/**
 * Prepares servers that are named in the environment, once, before the first worker starts: what `npm start` does to
 * its own stack. Run as `node infra/local/setup.ts`; running it again changes nothing.
 */
import { endpointsFromEnvironment } from './endpoints.ts'
import { terminalLog } from './log.ts'
import { localSettings } from './settings.ts'
import { createBucket } from './steps/bucket.ts'
import { createTopics } from './steps/topics.ts'

const log = terminalLog(process.stderr)
const settings = localSettings(process.env)
const { kafka, s3 } = endpointsFromEnvironment(process.env)
if (kafka === undefined || s3 === undefined) {
  log.line('✗ set DAYBOOK_KAFKA_BROKERS and DAYBOOK_S3_ENDPOINT')
  process.exit(2)
}
await createTopics({ kafka, ...settings })
await createBucket(s3, settings.bucket)
log.line(`✓ ${settings.topics.join(', ')}, ${settings.quarantineTopic}; bucket ${settings.bucket}`)
