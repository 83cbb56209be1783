import { readConfig } from '../runtime/config.ts'
import { COLD_FIELDS, HOT_FIELDS, WORKER_FIELDS } from '../runtime/worker-config.ts'
import { DaybookError } from '../schemas/errors.ts'

/** Where the components listen, and how to get in. The same shape whether they are local or somebody's servers. */
export interface Endpoints {
  readonly kafka: { readonly brokers: readonly string[] }
  readonly registry: {
    readonly url: string
    /** Who may register schemas; who only reads them needs none where the registry lets everybody read. */
    readonly auth?: { readonly username: string; readonly password: string }
  }
  readonly clickhouse: { readonly url: string; readonly user: string; readonly password: string }
  readonly s3: {
    readonly endpoint: string
    readonly region: string
    readonly accessKeyId: string
    readonly secretAccessKey: string
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/** How to get in, by what names the server. A local server has its own ways in. */
const WAYS_IN = [
  [
    WORKER_FIELDS.kafkaBrokers,
    [
      WORKER_FIELDS.kafkaSsl,
      WORKER_FIELDS.saslMechanism,
      WORKER_FIELDS.saslUsername,
      WORKER_FIELDS.saslPassword,
    ],
  ],
  [WORKER_FIELDS.registryUrl, [WORKER_FIELDS.registryUsername, WORKER_FIELDS.registryPassword]],
  [HOT_FIELDS.clickhouseUrl, [HOT_FIELDS.clickhouseUser, HOT_FIELDS.clickhousePassword]],
  [COLD_FIELDS.s3Endpoint, [COLD_FIELDS.s3Region, COLD_FIELDS.s3AccessKeyId, COLD_FIELDS.s3SecretAccessKey]],
] as const

/**
 * A local start hands the environment on to its workers, and the local servers would refuse a login that is meant for
 * others.
 * @throws DaybookError DAYBOOK_CONFIG_INVALID that names each login whose server is not named
 */
export function assertLoginsHaveServers(env: Environment): void {
  const faults = WAYS_IN.flatMap(([server, ways]) =>
    env[server.env]
      ? []
      : ways
          .flatMap((way) => (way.isSecret ? [way.env, `${way.env}_FILE`] : [way.env]))
          .filter((key) => env[key])
          .map(
            (key) => `${key} is set and ${server.env} is not: unset it for the local server, or name yours`,
          ),
  )
  if (faults.length > 0) throw new DaybookError('DAYBOOK_CONFIG_INVALID', faults.join('\n  '))
}

/**
 * Real servers named in the environment; each takes the place of a local one. Passwords may stand in files that the
 * `_FILE` variables name, as for workers.
 * @throws DaybookError DAYBOOK_CONFIG_INVALID when such a file cannot be read
 */
export function endpointsFromEnvironment(env: Environment): Partial<Endpoints> {
  const found: { -readonly [Name in keyof Endpoints]?: Endpoints[Name] } = {}
  const brokers = env['DAYBOOK_KAFKA_BROKERS']
  const registry = env['DAYBOOK_REGISTRY_URL']
  const clickhouse = env['DAYBOOK_CLICKHOUSE_URL']
  const s3 = env['DAYBOOK_S3_ENDPOINT']
  if (brokers) found.kafka = { brokers: brokers.split(',').map((broker) => broker.trim()) }
  if (registry) found.registry = { url: registry, ...registryAuth(env) }
  if (clickhouse) {
    const { clickhouseUser: user, clickhousePassword: password } = HOT_FIELDS
    const login = readConfig({ user, password }, env)
    found.clickhouse = { url: clickhouse, user: login.user, password: login.password ?? '' }
  }
  if (s3) {
    const { s3Region: region, s3AccessKeyId: id, s3SecretAccessKey: secret } = COLD_FIELDS
    const login = readConfig({ region, id, secret }, env)
    found.s3 = {
      endpoint: s3,
      region: login.region,
      accessKeyId: login.id ?? '',
      secretAccessKey: login.secret ?? '',
    }
  }
  return found
}

function registryAuth(env: Environment): Pick<Endpoints['registry'], 'auth'> {
  const { registryUsername: username, registryPassword: password } = WORKER_FIELDS
  const login = readConfig({ username, password }, env)
  if (login.username === null || login.password === null) return {}
  return { auth: { username: login.username, password: login.password } }
}
