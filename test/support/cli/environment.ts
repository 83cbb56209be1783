import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBucket } from '../../../operations/create-bucket.ts'
import { createTopics } from '../../../operations/create-topics.ts'
import { registrarEnvironment } from '../../../operations/settings.ts'
import { ensureSigningKey } from '../../../operations/signing-key.ts'
import type { Environment } from '../../../runtime/config.ts'
import { testStack } from '../stack.ts'

export interface CliWorld {
  readonly dir: string
  readonly topic: string
  readonly quarantineTopic: string
  readonly env: Environment
  remove(): void
}

/** A topic, a bucket and a signing key of its own, named by the environment as in production. */
export async function cliWorld(name: string): Promise<CliWorld> {
  const { kafka, registry, clickhouse, s3 } = testStack()
  const unique = `${name}-${process.pid}-${Date.now()}`
  const [topic, quarantineTopic] = [`${unique}.standard`, `${unique}.quarantine`]
  const dir = mkdtempSync(join(tmpdir(), 'daybook-cli-'))
  await createTopics({ kafka, topics: [topic], quarantineTopic, partitions: 2 })
  await createBucket(s3, unique)
  const env = {
    DAYBOOK_DATA_DIR: dir,
    DAYBOOK_KAFKA_BROKERS: kafka.brokers.join(','),
    DAYBOOK_REGISTRY_URL: registry.url,
    ...registrarEnvironment({}, registry),
    DAYBOOK_CLICKHOUSE_URL: clickhouse.url,
    DAYBOOK_CLICKHOUSE_USER: clickhouse.user,
    DAYBOOK_CLICKHOUSE_PASSWORD: clickhouse.password,
    DAYBOOK_S3_ENDPOINT: s3.endpoint,
    DAYBOOK_S3_REGION: s3.region,
    DAYBOOK_S3_ACCESS_KEY_ID: s3.accessKeyId,
    DAYBOOK_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
    DAYBOOK_S3_FORCE_PATH_STYLE: 'true',
    DAYBOOK_S3_BUCKET: unique,
    DAYBOOK_TOPICS: topic,
    DAYBOOK_QUARANTINE_TOPIC: quarantineTopic,
    DAYBOOK_ORG: 'example',
    DAYBOOK_ENVIRONMENT: 'test',
    DAYBOOK_SIGNING_KEY_FILE: ensureSigningKey(dir),
  }
  return { dir, topic, quarantineTopic, env, remove: () => rmSync(dir, { recursive: true, force: true }) }
}
