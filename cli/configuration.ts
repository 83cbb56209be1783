import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runningStack, type StackState } from '../infra/local/stack-state.ts'
import { endpointsFromEnvironment } from '../operations/endpoints.ts'
import { registrarEnvironment, workerEnvironment } from '../operations/settings.ts'
import { type ConfigFields, type ConfigOf, type Environment, readConfig } from '../runtime/config.ts'
import { COLD_FIELDS, HOT_FIELDS, WORKER_FIELDS } from '../runtime/worker-config.ts'
import { DaybookError } from '../schemas/errors.ts'

/** Where the commands find the servers: the environment first, then a start that runs on this machine. */
export interface Configuration {
  /** Complete as a worker's: may be handed to `readHotConfig` and `readColdConfig`. */
  readonly env: Environment
  /** The start that runs here; null when none does. */
  readonly stack: StackState | null
}

/** What a command needs of the configuration; it asks for nothing else, so nothing else has to be set. */
export const NEEDS = {
  kafka: {
    kafkaBrokers: WORKER_FIELDS.kafkaBrokers,
    kafkaSsl: WORKER_FIELDS.kafkaSsl,
    saslMechanism: WORKER_FIELDS.saslMechanism,
    saslUsername: WORKER_FIELDS.saslUsername,
    saslPassword: WORKER_FIELDS.saslPassword,
    topics: WORKER_FIELDS.topics,
    quarantineTopic: HOT_FIELDS.quarantineTopic,
  },
  registry: {
    topics: WORKER_FIELDS.topics,
    registryUrl: WORKER_FIELDS.registryUrl,
    registryUsername: WORKER_FIELDS.registryUsername,
    registryPassword: WORKER_FIELDS.registryPassword,
  },
  clickhouse: {
    clickhouseUrl: HOT_FIELDS.clickhouseUrl,
    clickhouseUser: HOT_FIELDS.clickhouseUser,
    clickhousePassword: HOT_FIELDS.clickhousePassword,
  },
  s3: {
    topics: WORKER_FIELDS.topics,
    s3Endpoint: COLD_FIELDS.s3Endpoint,
    s3Region: COLD_FIELDS.s3Region,
    s3Bucket: COLD_FIELDS.s3Bucket,
    s3AccessKeyId: COLD_FIELDS.s3AccessKeyId,
    s3SecretAccessKey: COLD_FIELDS.s3SecretAccessKey,
    s3ForcePathStyle: COLD_FIELDS.s3ForcePathStyle,
  },
} as const satisfies Readonly<Record<string, ConfigFields>>

const ROOT = fileURLToPath(new URL('../', import.meta.url))

export function resolveConfiguration(env: Environment): Configuration {
  const dataDir = env['DAYBOOK_DATA_DIR'] ?? join(ROOT, '.daybook')
  const stack = runningStack(dataDir)
  if (stack === null) return { env, stack }
  const endpoints = { ...stack.endpoints, ...endpointsFromEnvironment(env) }
  const local = { DAYBOOK_SIGNING_KEY_FILE: join(dataDir, 'keys', 'worker.key') }
  const registrar = registrarEnvironment(env, endpoints.registry)
  return { env: { ...local, ...registrar, ...workerEnvironment(env, endpoints, stack) }, stack }
}

/** @throws DaybookError DAYBOOK_CLI_NOT_CONFIGURED that names what is missing, DAYBOOK_CONFIG_INVALID */
export function settingsOf<F extends ConfigFields>(env: Environment, fields: F): ConfigOf<F> {
  return configured(env, (complete) => readConfig(fields, complete))
}

/** Reads with `read`, out of the environment that `resolveConfiguration` makes. */
export function configured<T>(env: Environment, read: (complete: Environment) => T): T {
  const { env: complete, stack } = resolveConfiguration(env)
  try {
    return read(complete)
  } catch (error) {
    if (stack !== null || !(error instanceof DaybookError) || error.code !== 'DAYBOOK_CONFIG_INVALID')
      throw error
    throw new DaybookError(
      'DAYBOOK_CLI_NOT_CONFIGURED',
      `No local start is running here, and ${error.message}\nRun \`npm start\` first, or set these variables.`,
      { cause: error },
    )
  }
}
