import type { Endpoints } from './endpoints.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Names of what the local start creates; it passes them to the workers by the variables that production uses too. */
export interface LocalSettings {
  readonly topics: readonly string[]
  readonly quarantineTopic: string
  readonly bucket: string
}

export function localSettings(env: Environment): LocalSettings {
  return {
    topics: (env['DAYBOOK_TOPICS'] ?? 'audit.events.standard,audit.events.hipaa')
      .split(',')
      .map((topic) => topic.trim()),
    quarantineTopic: env['DAYBOOK_QUARANTINE_TOPIC'] ?? 'audit.quarantine',
    bucket: env['DAYBOOK_S3_BUCKET'] ?? 'daybook-archive',
  }
}

/**
 * The environment of a worker process: what the caller has set wins, so that TLS, passwords in files and tuning
 * reach the workers unchanged.
 */
export function workerEnvironment(
  env: Environment,
  endpoints: Endpoints,
  settings: LocalSettings,
): Readonly<Record<string, string | undefined>> {
  return {
    DAYBOOK_KAFKA_BROKERS: endpoints.kafka.brokers.join(','),
    DAYBOOK_REGISTRY_URL: endpoints.registry.url,
    DAYBOOK_CLICKHOUSE_URL: endpoints.clickhouse.url,
    DAYBOOK_CLICKHOUSE_USER: endpoints.clickhouse.user,
    DAYBOOK_S3_ENDPOINT: endpoints.s3.endpoint,
    DAYBOOK_S3_REGION: endpoints.s3.region,
    DAYBOOK_S3_ACCESS_KEY_ID: endpoints.s3.accessKeyId,
    DAYBOOK_S3_FORCE_PATH_STYLE: 'true',
    DAYBOOK_TOPICS: settings.topics.join(','),
    DAYBOOK_QUARANTINE_TOPIC: settings.quarantineTopic,
    DAYBOOK_S3_BUCKET: settings.bucket,
    DAYBOOK_ORG: 'example',
    DAYBOOK_ENVIRONMENT: 'local',
    DAYBOOK_RETENTION: 'standard=365d,hipaa=2190d',
    ...secret('DAYBOOK_CLICKHOUSE_PASSWORD', endpoints.clickhouse.password, env),
    ...secret('DAYBOOK_S3_SECRET_ACCESS_KEY', endpoints.s3.secretAccessKey, env),
    ...env,
  }
}

/** What whoever registers schemas needs beside it. Workers only read them and are not given this. */
export function registrarEnvironment(
  env: Environment,
  { auth }: Endpoints['registry'],
): Readonly<Record<string, string>> {
  if (auth === undefined || env['DAYBOOK_REGISTRY_USERNAME'] !== undefined) return {}
  return {
    DAYBOOK_REGISTRY_USERNAME: auth.username,
    ...secret('DAYBOOK_REGISTRY_PASSWORD', auth.password, env),
  }
}

/** A secret that the caller keeps in a file is not put beside it. */
function secret(name: string, value: string, env: Environment): Record<string, string> {
  return env[`${name}_FILE`] === undefined ? { [name]: value } : {}
}
