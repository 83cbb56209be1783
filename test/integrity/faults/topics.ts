import type { PartitionRef } from '../../../consumers/engine/contracts.ts'
import { describeTopics } from '../../../consumers/kafka/topics/describe-topics.ts'
import { initArchiveOf } from '../../../operations/archive-init.ts'
import { createBucket } from '../../../operations/create-bucket.ts'
import { createTopics } from '../../../operations/create-topics.ts'
import { registerSchema } from '../../../operations/registry-admin.ts'
import { AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'
import type { WorkerKind } from './plan.ts'
import { through, type World } from './world.ts'

/** What one run has for itself: topics, bucket, groups. */
export interface Ground {
  readonly prefix: string
  readonly topics: readonly string[]
  readonly quarantineTopic: string
  readonly bucket: string
  readonly schemaId: number
  readonly partitions: readonly PartitionRef[]
  readonly env: (kind: WorkerKind) => Readonly<Record<string, string>>
}

export const PARTITIONS = 3
export const MAX_RECORD_BYTES = 200_000
export const SESSION_MS = 2_500
/** The hot sink sets `http_receive_timeout` to 10 s: a body that stands still for longer is given up by the server. */
const BODY_TIMEOUT_MS = 10_000
/**
 * Longer than the session (2.5 s), what a rebalance waits for its members (twice that), the patience with another
 * owner's insert (2 s) and the store's time-out (3 s), one after the other where they add up: when the worker wakes,
 * others have taken over and gone on.
 */
export const STOP_MS = 6_000

/** How workers and the stops of a run are set. */
export interface Patience {
  readonly storeTimeoutMs: number
  /** For a worker that is stopped with half of a body on its way. */
  readonly midBodyStopMs: number
}

/** The stop outlasts every time-out, the server's own included: nobody waits for the rest of the body any more. */
export const IMPATIENT: Patience = { storeTimeoutMs: 3_000, midBodyStopMs: BODY_TIMEOUT_MS + 1_000 }
/**
 * The stop outlasts the session but neither end's time-out: the others have taken over, and the worker that wakes
 * goes on with its half-sent body. Only the fence can stop it.
 */
export const PATIENT: Patience = { storeTimeoutMs: 8_000, midBodyStopMs: STOP_MS }
const REGISTRY_TIMEOUT_MS = 5_000

export async function layGround(world: World, name: string, { storeTimeoutMs }: Patience): Promise<Ground> {
  const { endpoints } = world.stack
  const prefix = `${name}.`
  const topics = [`${prefix}standard`, `${prefix}hipaa`]
  const quarantineTopic = `${prefix}quarantine`
  const bucket = name
  await createBucket(endpoints.s3, bucket)
  await createTopics({ kafka: endpoints.kafka, topics, quarantineTopic, partitions: PARTITIONS })
  const ids = await Promise.all(
    topics.map((topic) =>
      registerSchema({
        ...endpoints.registry,
        ...{ timeoutMs: REGISTRY_TIMEOUT_MS, subject: `${topic}-value`, schema: AUDIT_EVENT_SCHEMA_TEXT },
      }),
    ),
  )
  const env = (kind: WorkerKind) =>
    workerEnv(world, { kind, topics, quarantineTopic, bucket, storeTimeoutMs })
  await initArchiveOf({ ...env('cold'), DAYBOOK_S3_ENDPOINT: endpoints.s3.endpoint }, 'test')
  const { partitions } = await describeTopics({ brokers: endpoints.kafka.brokers }, topics)
  return { prefix, topics, quarantineTopic, bucket, schemaId: ids[0] ?? 0, partitions, env }
}

interface EnvOptions extends Pick<Ground, 'topics' | 'quarantineTopic' | 'bucket'> {
  readonly kind: WorkerKind
  readonly storeTimeoutMs: number
}

function workerEnv(world: World, { kind, topics, quarantineTopic, bucket, storeTimeoutMs }: EnvOptions) {
  const { proxies } = world
  const { clickhouse, s3, registry } = world.stack.endpoints
  return {
    DAYBOOK_KAFKA_BROKERS: `127.0.0.1:${proxies.kafka[kind].port}`,
    DAYBOOK_KAFKA_SESSION_TIMEOUT_MS: String(SESSION_MS),
    DAYBOOK_REGISTRY_URL: through(proxies.registry, registry.url),
    DAYBOOK_CLICKHOUSE_URL: through(proxies.clickhouse, clickhouse.url),
    DAYBOOK_CLICKHOUSE_USER: clickhouse.user,
    DAYBOOK_CLICKHOUSE_PASSWORD: clickhouse.password,
    DAYBOOK_S3_ENDPOINT: through(proxies.s3, s3.endpoint),
    DAYBOOK_S3_REGION: s3.region,
    DAYBOOK_S3_ACCESS_KEY_ID: s3.accessKeyId,
    DAYBOOK_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
    DAYBOOK_S3_FORCE_PATH_STYLE: 'true',
    DAYBOOK_S3_BUCKET: bucket,
    DAYBOOK_STORE_TIMEOUT_MS: String(storeTimeoutMs),
    DAYBOOK_TOPICS: topics.join(','),
    DAYBOOK_QUARANTINE_TOPIC: quarantineTopic,
    DAYBOOK_MAX_RECORD_BYTES: String(MAX_RECORD_BYTES),
    DAYBOOK_ORG: 'faults',
    DAYBOOK_ENVIRONMENT: 'test',
    DAYBOOK_RETENTION: 'standard=1d,hipaa=1d',
    DAYBOOK_SIGNING_KEY_FILE: world.signingKeyFile,
    DAYBOOK_CUT_AGE_MS: kind === 'hot' ? '300' : '700',
    DAYBOOK_CUT_ROWS: '2000',
    DAYBOOK_HTTP_PORT: '0',
    DAYBOOK_LOG_LEVEL: 'info',
  }
}
