import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Endpoints } from '../../operations/endpoints.ts'
import { orAborted } from '../../runtime/or-aborted.ts'
import { apicurioArtifact } from './artifacts/apicurio.ts'
import { cached, cacheRoot } from './artifacts/cache.ts'
import { kafkaArtifact } from './artifacts/kafka.ts'
import { versitygwArtifact } from './artifacts/versitygw.ts'
import { type ClickHouseRole, clickHouseComponent } from './components/clickhouse.ts'
import type { Component } from './components/component.ts'
import { kafkaComponent, type RelayedListener } from './components/kafka.ts'
import { registryComponent, registryUrl } from './components/registry.ts'
import { s3Component } from './components/s3.ts'
import type { StackLog } from './log.ts'
import { freeStackPorts, type Ports, rememberedPorts } from './ports.ts'
import { ensureRegistryLogin, type RegistryLogin } from './registry-login.ts'

export interface StackOptions {
  readonly dataDir: string
  /** `fixed`: the default ports, or those this data directory had before; `free`: any. Default `fixed`. */
  readonly ports?: 'fixed' | 'free'
  readonly log: StackLog
  /** Servers that exist already: they are used and nothing is started in their place. */
  readonly external?: Partial<Endpoints>
  /** What the local ClickHouse lets its user do. Default `migrator`: everything. */
  readonly clickhouseRole?: ClickHouseRole
  /** Ways into Kafka that lead through proxies. */
  readonly kafkaRelayed?: readonly RelayedListener[]
  /** Breaks the start off: what runs is stopped and the start rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

export interface Stack {
  readonly endpoints: Endpoints
  /** Null where a real server is used instead. */
  readonly kafka: Component | null
  readonly registry: Component | null
  readonly clickhouse: Component | null
  readonly s3: Component | null
  readonly logDir: string
  /** Those that run here, in the order in which they may be stopped. */
  components(): readonly Component[]
  /** Stops all. Data stays. */
  stop(): Promise<void>
}

const S3_CREDENTIALS = {
  region: 'us-east-1',
  accessKeyId: 'daybook-local',
  secretAccessKey: 'daybook-local-secret',
} as const

/**
 * Starts Kafka, the schema registry, ClickHouse and S3 on 127.0.0.1, side by side; what is not on this machine yet
 * is downloaded or built first. Resolves when all answer. If one fails, it stops the others and rejects at once.
 * All end with this process, however that ends.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const dataDir = resolve(options.dataDir)
  mkdirSync(dataDir, { recursive: true })
  const ports = options.ports === 'free' ? await freeStackPorts() : await rememberedPorts(dataDir)
  const place = {
    dataDir,
    logDir: join(dataDir, 'logs'),
    ports,
    cache: cacheRoot(process.env),
    log: options.log,
    relayed: options.kafkaRelayed ?? [],
    registryLogin: ensureRegistryLogin(dataDir),
    clickhouseRole: options.clickhouseRole ?? 'migrator',
  }
  const external = options.external ?? {}
  const started: Component[] = []
  let failed = false
  const begin = async (name: keyof Endpoints, make: (place: Place) => Promise<Component>) => {
    if (external[name] !== undefined) return
    const made = await make(place)
    if (failed) return
    const step = options.log.step(`${name} starts`)
    started.push(made)
    await made.start()
    step.done()
  }
  const stop = async () => {
    await Promise.all(started.map((each) => each.stop()))
  }
  try {
    const all = Promise.all([
      begin('s3', makeS3),
      begin('registry', makeRegistry),
      begin('clickhouse', makeClickHouse),
      begin('kafka', makeKafka),
    ])
    await orAborted(all, options.signal)
  } catch (error) {
    failed = true
    await stop()
    throw error
  }
  const byName = (name: string) => started.find((each) => each.name === name) ?? null
  return {
    endpoints: { ...localEndpoints(ports, place.registryLogin), ...external },
    kafka: byName('kafka'),
    registry: byName('registry'),
    clickhouse: byName('clickhouse'),
    s3: byName('s3'),
    logDir: place.logDir,
    components: () => started,
    stop,
  }
}

interface Place {
  readonly dataDir: string
  readonly logDir: string
  readonly ports: Ports
  readonly cache: string
  readonly log: StackLog
  readonly relayed: readonly RelayedListener[]
  readonly clickhouseRole: ClickHouseRole
  readonly registryLogin: RegistryLogin
}

async function makeKafka({ dataDir, logDir, ports, cache, log, relayed }: Place): Promise<Component> {
  return kafkaComponent({
    jarDir: await cached(cache, kafkaArtifact(cache), log),
    dataDir: join(dataDir, 'kafka'),
    logFile: join(logDir, 'kafka.log'),
    port: ports.kafka,
    controllerPort: ports.kafkaController,
    relayed,
  })
}

async function makeRegistry({
  dataDir,
  logDir,
  ports,
  cache,
  log,
  registryLogin,
}: Place): Promise<Component> {
  return registryComponent({
    login: registryLogin,
    appDir: await cached(cache, apicurioArtifact(cache), log),
    dataDir: join(dataDir, 'registry'),
    logFile: join(logDir, 'registry.log'),
    port: ports.registry,
  })
}

async function makeClickHouse({ dataDir, logDir, ports, clickhouseRole }: Place): Promise<Component> {
  return clickHouseComponent({
    dataDir: join(dataDir, 'clickhouse'),
    logFile: join(logDir, 'clickhouse.log'),
    port: ports.clickhouse,
    role: clickhouseRole,
  })
}

async function makeS3({ dataDir, logDir, ports, cache, log }: Place): Promise<Component> {
  return s3Component({
    binDir: await cached(cache, versitygwArtifact(), log),
    dataDir: join(dataDir, 's3'),
    logFile: join(logDir, 's3.log'),
    port: ports.s3,
    ...S3_CREDENTIALS,
  })
}

function localEndpoints(ports: Ports, auth: RegistryLogin): Endpoints {
  return {
    kafka: { brokers: [`127.0.0.1:${ports.kafka}`] },
    registry: { url: registryUrl(ports.registry), auth },
    clickhouse: { url: `http://127.0.0.1:${ports.clickhouse}`, user: 'default', password: '' },
    s3: { endpoint: `http://127.0.0.1:${ports.s3}`, ...S3_CREDENTIALS },
  }
}
