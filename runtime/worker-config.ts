import { type ConfigFields, type ConfigOf, type ConfigRule, type Environment, readConfig } from './config.ts'
import * as field from './config-fields.ts'

/** Every worker: Kafka, the registry, and its own HTTP endpoints. */
export const WORKER_FIELDS = {
  kafkaBrokers: field.listField({
    env: 'DAYBOOK_KAFKA_BROKERS',
    help: 'Kafka brokers to begin with, host:port separated by commas.',
    example: 'kafka-1:9092,kafka-2:9092',
  }),
  kafkaSsl: field.booleanField(
    { env: 'DAYBOOK_KAFKA_SSL', help: 'Whether to speak TLS to the brokers.', example: 'true' },
    false,
  ),
  saslMechanism: field.choiceOrNull(
    { env: 'DAYBOOK_KAFKA_SASL_MECHANISM', help: 'How to log in at the brokers.', example: 'scram-sha-512' },
    ['plain', 'scram-sha-256', 'scram-sha-512'],
  ),
  saslUsername: field.textOrNull({
    env: 'DAYBOOK_KAFKA_SASL_USERNAME',
    help: 'Name to log in with at the brokers.',
    example: 'daybook-hot',
  }),
  saslPassword: field.secretOrNull({
    env: 'DAYBOOK_KAFKA_SASL_PASSWORD',
    help: 'Password to log in with at the brokers.',
    example: '…',
  }),
  topics: field.listWithDefault(
    { env: 'DAYBOOK_TOPICS', help: 'Event topics to read.', example: 'audit.events.standard' },
    ['audit.events.standard', 'audit.events.hipaa'],
  ),
  registryUrl: field.urlField({
    env: 'DAYBOOK_REGISTRY_URL',
    help: 'Schema registry with the Confluent API.',
    example: 'https://registry:8081',
  }),
  registryUsername: field.textOrNull({
    env: 'DAYBOOK_REGISTRY_USERNAME',
    help: 'Name to log in with at the registry.',
    example: 'daybook',
  }),
  registryPassword: field.secretOrNull({
    env: 'DAYBOOK_REGISTRY_PASSWORD',
    help: 'Password to log in with at the registry.',
    example: '…',
  }),
  httpHost: field.textWithDefault(
    {
      env: 'DAYBOOK_HTTP_HOST',
      help: 'Address that /healthz, /readyz and /metrics listen on.',
      example: '127.0.0.1',
    },
    '0.0.0.0',
  ),
  httpPort: field.integerField(
    {
      env: 'DAYBOOK_HTTP_PORT',
      help: 'Port of /healthz, /readyz and /metrics; 0 takes a free one.',
      example: '8080',
    },
    { min: 0, max: 65_535, fallback: 8080 },
  ),
  sessionTimeoutMs: field.integerField(
    {
      env: 'DAYBOOK_KAFKA_SESSION_TIMEOUT_MS',
      help: 'Milliseconds of silence after which the group gives the partitions of a worker to others.',
      example: '30000',
    },
    { min: 1_000, max: 600_000, fallback: 30_000 },
  ),
  storeTimeoutMs: field.integerField(
    {
      env: 'DAYBOOK_STORE_TIMEOUT_MS',
      help: 'Milliseconds without progress after which a request to the store has failed.',
      example: '30000',
    },
    { min: 500, max: 600_000, fallback: 30_000 },
  ),
  maxRecordBytes: field.integerField(
    {
      env: 'DAYBOOK_MAX_RECORD_BYTES',
      help: 'A record with a larger value is quarantined.',
      example: '1048576',
    },
    { min: 1_024, max: 64 * 1024 * 1024, fallback: 1_048_576 },
  ),
  logLevel: field.choiceField(
    { env: 'DAYBOOK_LOG_LEVEL', help: 'Least severe level that is logged.', example: 'info' },
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace'],
    'info',
  ),
} as const satisfies ConfigFields

interface CutDefaults {
  readonly rows: number
  readonly maxRows: number
  readonly bytes: number
  readonly ageMs: number
}

function cutFields({ rows, maxRows, bytes, ageMs }: CutDefaults) {
  return {
    cutRows: field.integerField(
      { env: 'DAYBOOK_CUT_ROWS', help: 'Records after which a range is closed.', example: String(rows) },
      { min: 1, max: maxRows, fallback: rows },
    ),
    cutBytes: field.integerField(
      {
        env: 'DAYBOOK_CUT_BYTES',
        help: 'Bytes after which a range is closed at the latest.',
        example: String(bytes),
      },
      { min: 1, max: 64 * 1024 * 1024, fallback: bytes },
    ),
    cutAgeMs: field.integerField(
      {
        env: 'DAYBOOK_CUT_AGE_MS',
        help: 'Milliseconds after which a range is closed, as soon as the store can take it.',
        example: String(ageMs),
      },
      { min: 1, max: 3_600_000, fallback: ageMs },
    ),
  }
}

export const HOT_FIELDS = {
  ...WORKER_FIELDS,
  quarantineTopic: field.textWithDefault(
    { env: 'DAYBOOK_QUARANTINE_TOPIC', help: 'Topic that takes bad records.', example: 'audit.quarantine' },
    'audit.quarantine',
  ),
  quarantineBudgetBytes: field.integerField(
    {
      env: 'DAYBOOK_QUARANTINE_BUDGET_BYTES',
      help: 'Bytes an hour and partition that the quarantine keeps whole; of what is beyond it keeps place, hash and first bytes.',
      example: '67108864',
    },
    { min: 0, max: 2 ** 40, fallback: 64 * 1024 * 1024 },
  ),
  clickhouseUrl: field.urlField({
    env: 'DAYBOOK_CLICKHOUSE_URL',
    help: 'HTTP interface of ClickHouse.',
    example: 'https://clickhouse:8443',
  }),
  clickhouseUser: field.textWithDefault(
    { env: 'DAYBOOK_CLICKHOUSE_USER', help: 'User with the writer role.', example: 'daybook_writer' },
    'default',
  ),
  clickhousePassword: field.secretOrNull({
    env: 'DAYBOOK_CLICKHOUSE_PASSWORD',
    help: 'Its password.',
    example: '…',
  }),
  ...cutFields({ rows: 100_000, maxRows: 500_000, bytes: 48 * 1024 * 1024, ageMs: 1_000 }),
} as const satisfies ConfigFields

export const COLD_FIELDS = {
  ...WORKER_FIELDS,
  s3Endpoint: field.urlOrNull({
    env: 'DAYBOOK_S3_ENDPOINT',
    help: 'S3 endpoint, where it is not AWS.',
    example: 'https://s3.internal:9000',
  }),
  s3Region: field.textWithDefault(
    { env: 'DAYBOOK_S3_REGION', help: 'Region of the bucket.', example: 'eu-central-1' },
    'us-east-1',
  ),
  s3Bucket: field.textField({
    env: 'DAYBOOK_S3_BUCKET',
    help: 'Bucket with Object Lock that takes the archive.',
    example: 'acme-audit',
  }),
  s3AccessKeyId: field.textOrNull({
    env: 'DAYBOOK_S3_ACCESS_KEY_ID',
    help: 'Access key; without it the usual AWS sources are asked.',
    example: 'AKIA…',
  }),
  s3SecretAccessKey: field.secretOrNull({
    env: 'DAYBOOK_S3_SECRET_ACCESS_KEY',
    help: 'Its secret.',
    example: '…',
  }),
  s3ForcePathStyle: field.booleanField(
    { env: 'DAYBOOK_S3_FORCE_PATH_STYLE', help: 'Whether the bucket stands in the path.', example: 'true' },
    false,
  ),
  org: field.textField({
    env: 'DAYBOOK_ORG',
    help: 'Name of the organisation in every log id; fixed for the life of the archive.',
    example: 'acme',
  }),
  environment: field.textField({
    env: 'DAYBOOK_ENVIRONMENT',
    help: 'Name of the environment in every log id; fixed for the life of the archive.',
    example: 'prod',
  }),
  signingKeyFile: field.textField({
    env: 'DAYBOOK_SIGNING_KEY_FILE',
    help: "File with the worker's signing key.",
    example: '/run/secrets/daybook-worker.key',
  }),
  trustedKeysFile: field.textOrNull({
    env: 'DAYBOOK_TRUSTED_KEYS_FILE',
    help: 'File with public keys (PEM, one after another) whose objects in the archive count besides those of the signing key: the keys of earlier workers.',
    example: '/etc/daybook/earlier-workers.pem',
  }),
  archiveCodec: field.choiceField(
    { env: 'DAYBOOK_ARCHIVE_CODEC', help: 'Compression of archive objects.', example: 'deflate' },
    ['zstandard', 'deflate', 'null'],
    'zstandard',
  ),
  retention: field.daysByClassField(
    {
      env: 'DAYBOOK_RETENTION',
      help: 'Days of the lock by retention class.',
      example: 'standard=365d,hipaa=2190d',
    },
    'standard=365d,hipaa=2190d',
  ),
  ...cutFields({ rows: 10_000, maxRows: 10_000, bytes: 32 * 1024 * 1024, ageMs: 60_000 }),
} as const satisfies ConfigFields

export type HotConfig = ConfigOf<typeof HOT_FIELDS>
export type ColdConfig = ConfigOf<typeof COLD_FIELDS>

type SharedConfig = ConfigOf<typeof WORKER_FIELDS>

function saslIsWhole({ saslMechanism, saslUsername, saslPassword }: SharedConfig): string | null {
  const given = [saslMechanism, saslUsername, saslPassword].filter((value) => value !== null)
  if (given.length === 0 || given.length === 3) return null
  return 'DAYBOOK_KAFKA_SASL_MECHANISM, _USERNAME and _PASSWORD belong together: set all three or none'
}

function registryLoginIsWhole({ registryUsername, registryPassword }: SharedConfig): string | null {
  if ((registryUsername === null) === (registryPassword === null)) return null
  return 'DAYBOOK_REGISTRY_USERNAME and DAYBOOK_REGISTRY_PASSWORD belong together: set both or neither'
}

function brokersHavePorts({ kafkaBrokers }: SharedConfig): string | null {
  const wrong = kafkaBrokers.filter((broker) => !/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/.test(broker))
  return wrong.length === 0 ? null : `DAYBOOK_KAFKA_BROKERS: ${wrong.join(', ')} is not host:port`
}

function s3KeysAreWhole({ s3AccessKeyId, s3SecretAccessKey }: ColdConfig): string | null {
  if ((s3AccessKeyId === null) === (s3SecretAccessKey === null)) return null
  return 'DAYBOOK_S3_ACCESS_KEY_ID and DAYBOOK_S3_SECRET_ACCESS_KEY belong together: set both or neither'
}

/** The class of `audit.events.hipaa` is `hipaa`. */
export function retentionClassOf(topic: string): string {
  return topic.slice(topic.lastIndexOf('.') + 1)
}

function everyTopicHasItsDays({ topics, retention }: ColdConfig): string | null {
  const without = topics.filter((topic) => !retention.has(retentionClassOf(topic)))
  if (without.length === 0) return null
  return `DAYBOOK_RETENTION has no days for the class of ${without.join(', ')}: add <class>=<days>d`
}

const SHARED_RULES = [saslIsWhole, brokersHavePorts, registryLoginIsWhole]

/** @throws DaybookError DAYBOOK_CONFIG_INVALID */
export function readHotConfig(env: Environment): HotConfig {
  const rules: readonly ConfigRule<typeof HOT_FIELDS>[] = SHARED_RULES
  return readConfig(HOT_FIELDS, env, rules)
}

/** @throws DaybookError DAYBOOK_CONFIG_INVALID */
export function readColdConfig(env: Environment): ColdConfig {
  return readConfig(COLD_FIELDS, env, [...SHARED_RULES, s3KeysAreWhole, everyTopicHasItsDays])
}
