import { systemClock } from '../runtime/clock.ts'
import type { ConfigOf } from '../runtime/config.ts'
import { EXIT, type ExitCode, exitCodeOf } from '../runtime/exit-codes.ts'
import { failpointsFromFd } from '../runtime/failpoint-pipe.ts'
import { type Failpoints, noFailpoints } from '../runtime/failpoints.ts'
import { startHealthServer } from '../runtime/health.ts'
import { createLifecycle, type Lifecycle } from '../runtime/lifecycle.ts'
import { createLog, type Log } from '../runtime/log.ts'
import { guardMemory, ownMemory } from '../runtime/memory-guard.ts'
import { createMetrics, type Metrics } from '../runtime/metrics.ts'
import { observeProcess } from '../runtime/process-metrics.ts'
import { createRegistryReader, type RegistryReader } from '../runtime/registry.ts'
import { type Dependency, StartSteps } from '../runtime/start-steps.ts'
import type { WORKER_FIELDS } from '../runtime/worker-config.ts'
import { AUDIT_EVENT_SCHEMA, AUDIT_EVENT_SCHEMA_TEXT } from '../schemas/generated/audit-event.ts'
import { VERSION } from '../schemas/version.ts'
import type { CutPolicy, Sink } from './engine/contracts.ts'
import { createEngine } from './engine/engine.ts'
import type { EngineLimits } from './engine/options.ts'
import { collectHealth, createEngineMetrics } from './engine-metrics.ts'
import { createKafkaSource } from './kafka/source.ts'
import { assertNoErrors, checkTopics } from './kafka/topics/check-topics.ts'
import { createChecker } from './records/checker.ts'
import { createCatalogue, type SchemaCatalogue } from './records/schema-catalogue.ts'
import { livenessOf, type Running, readinessOf } from './worker-health.ts'

/** What every worker is configured with, whatever its store. */
export type WorkerConfig = ConfigOf<typeof WORKER_FIELDS>

/** What a worker's own part is made from. */
export interface WorkerContext {
  readonly log: Log
  readonly metrics: Metrics
  readonly failpoints: Failpoints
  readonly catalogue: SchemaCatalogue
  /** Asks what has to answer before there can be a sink. */
  readonly steps: StartSteps
}

export interface WorkerPart {
  readonly sink: Sink
  readonly cut: CutPolicy
  readonly limits?: Partial<EngineLimits>
  /** Whether the store has a place for what a schema says that this build does not know. */
  readonly takesNewerSchemas: boolean
  /**
   * What else has to answer once before the worker is ready. Asked beside its work, which then knows how to wait; an
   * error that is not retryable is the work's to judge.
   */
  readonly asks: readonly { readonly dependency: Dependency; readonly ask: () => Promise<void> }[]
}

export interface WorkerDefinition {
  readonly service: 'hot' | 'cold'
  readonly groupId: string
  readonly config: WorkerConfig
  /** The topic that takes bad records; null where the store keeps them itself. */
  readonly quarantineTopic: string | null
  readonly make: (context: WorkerContext) => Promise<WorkerPart>
}

const STOP_TIMEOUT_MS = 25_000
/** Leaves time to leave the group and to close the sink: else the partitions would wait for the session time-out. */
const DRAIN_TIMEOUT_MS = STOP_TIMEOUT_MS - 8_000
const REGISTRY_TIMEOUT_MS = 5_000

/** A worker's configuration. One that is not as it must be is logged and ends the process, like any other start that fails. */
export function configOrExit<T>(service: WorkerDefinition['service'], read: () => T): T {
  try {
    return read()
  } catch (error) {
    createLog({ service, version: VERSION, level: 'info' }).fatal({ err: error }, 'cannot start')
    return process.exit(exitCodeOf(error))
  }
}

/**
 * Runs a worker until a signal or an error ends it, then exits the process: source → checker → engine → sink. Its
 * endpoints answer from the beginning, also while what it needs does not.
 * With `--check-config` it only checks, prints what it found, and exits.
 */
export async function runWorker(definition: WorkerDefinition): Promise<never> {
  const { config, service } = definition
  const log = createLog({ service, version: VERSION, level: config.logLevel })
  const isCheck = process.argv.includes('--check-config')
  try {
    return process.exit(await (isCheck ? check(definition, log) : run(definition, log)))
  } catch (error) {
    log.fatal({ err: error }, 'cannot start')
    return process.exit(exitCodeOf(error))
  }
}

async function check(definition: WorkerDefinition, log: Log): Promise<ExitCode> {
  const { config, quarantineTopic } = definition
  const registry = registryOf(config)
  const steps = new StartSteps({
    ...{ clock: systemClock, log, attempts: 'once' },
    signal: new AbortController().signal,
  })
  const context = { log, metrics: createMetrics(), failpoints: noFailpoints, steps }
  const part = await definition.make({ ...context, catalogue: catalogueOf(config, registry) })
  for (const { dependency, ask } of [registryAsk(config, registry), ...part.asks])
    await steps.until(dependency, ask)
  assertNoErrors(await checkTopics({ ...kafkaOf(config), topics: config.topics, quarantineTopic }))
  log.info({}, 'the configuration, the topics and the store are as they must be')
  return EXIT.ok
}

async function run(definition: WorkerDefinition, log: Log): Promise<ExitCode> {
  const { config, service } = definition
  const lifecycle = createLifecycle({
    clock: systemClock,
    log,
    signals: process,
    stopTimeoutMs: STOP_TIMEOUT_MS,
  })
  const metrics = createMetrics()
  const starting = new AbortController()
  const steps = new StartSteps({
    ...{ clock: systemClock, log, attempts: 'until it answers', signal: starting.signal },
    onRetry: (code) => metrics.add('daybook_retries_total', { code }),
  })
  const running: Running = { engine: null }
  observeProcess(metrics, service, VERSION)
  metrics.onScrape(() => {
    if (running.engine !== null) collectHealth(metrics, running.engine.health())
  })
  const health = await startHealthServer({
    host: config.httpHost,
    port: config.httpPort,
    metrics,
    live: [livenessOf(running)],
    ready: [steps.check, readinessOf(running)],
  })
  log.info({ topics: config.topics, group: definition.groupId, port: health.port }, 'starting')
  guardMemory(ownMemory())
  lifecycle.onStop('endpoints', () => health.close())
  lifecycle.onStop('start', async () => {
    health.drain()
    starting.abort()
  })
  const context = { log, metrics, steps, lifecycle, drain: health.drain }
  begin(definition, context, running).catch((error: unknown) => {
    if (!starting.signal.aborted) lifecycle.crash(error)
  })
  return lifecycle.ended()
}

interface RunContext extends Pick<WorkerContext, 'log' | 'metrics' | 'steps'> {
  readonly lifecycle: Lifecycle
  readonly drain: () => void
}

/** Makes the engine and starts it. Resolves when it has joined its group. */
async function begin(definition: WorkerDefinition, context: RunContext, running: Running): Promise<void> {
  const { config } = definition
  const { log, metrics, steps, lifecycle } = context
  const failpoints = await failpointsFromFd(process.env['DAYBOOK_FAILPOINT_FD'])
  const registry = registryOf(config)
  const catalogue = catalogueOf(config, registry)
  const part = await definition.make({ log, metrics, failpoints, catalogue, steps })
  const engine = createEngine({
    source: createKafkaSource({
      ...kafkaOf(config),
      groupId: definition.groupId,
      topics: config.topics,
      quarantineTopic: definition.quarantineTopic,
      clock: systemClock,
      log,
      tuning: tuningOf(config),
    }),
    checker: createChecker({
      catalogue,
      maxRecordBytes: config.maxRecordBytes,
      takesNewer: part.takesNewerSchemas,
      clock: systemClock,
    }),
    observer: createEngineMetrics({ metrics, log, now: systemClock.now, onCrash: lifecycle.crash }),
    ...part,
    clock: systemClock,
    failpoints,
    random: Math.random,
  })
  running.engine = engine
  lifecycle.onStop('sink', () => part.sink.close())
  lifecycle.onStop('engine', async () => {
    context.drain()
    await engine.stop({ timeoutMs: DRAIN_TIMEOUT_MS })
  })
  for (const { dependency, ask } of [registryAsk(config, registry), ...part.asks])
    steps.until(dependency, ask).catch(() => undefined)
  // A group that cannot be joined, because there is no broker, must not keep a signal from ending the process.
  await engine.start()
}

type KafkaSettings = 'kafkaBrokers' | 'kafkaSsl' | 'saslMechanism' | 'saslUsername' | 'saslPassword'

export function kafkaOf(config: Pick<WorkerConfig, KafkaSettings>) {
  const { saslMechanism: mechanism, saslUsername: username, saslPassword: password } = config
  const sasl =
    mechanism === null || username === null || password === null
      ? {}
      : { sasl: { mechanism, username, password } }
  return { brokers: config.kafkaBrokers, ...(config.kafkaSsl ? { ssl: true } : {}), ...sasl }
}

/** A third of the session may pass before the next heartbeat; a rebalance waits for nobody longer than two. */
function tuningOf({ sessionTimeoutMs }: WorkerConfig) {
  return {
    sessionTimeoutMs,
    rebalanceTimeoutMs: 2 * sessionTimeoutMs,
    heartbeatIntervalMs: Math.min(1_000, Math.floor(sessionTimeoutMs / 5)),
  }
}

export function kafkaDependency({ kafkaBrokers }: Pick<WorkerConfig, 'kafkaBrokers'>): Dependency {
  return { name: 'Kafka', address: kafkaBrokers.join(','), setting: 'DAYBOOK_KAFKA_BROKERS' }
}

/** Without it no schema id can be looked up that a record names. */
function registryAsk(config: WorkerConfig, registry: RegistryReader): WorkerPart['asks'][number] {
  const [subject = ''] = subjectsOf(config)
  return {
    dependency: {
      name: 'the schema registry',
      address: config.registryUrl,
      setting: 'DAYBOOK_REGISTRY_URL',
    },
    ask: async () => void (await registry.versions(subject)),
  }
}

function registryOf({ registryUrl, registryUsername, registryPassword }: WorkerConfig): RegistryReader {
  return createRegistryReader({
    url: registryUrl,
    ...(registryUsername === null || registryPassword === null
      ? {}
      : { auth: { username: registryUsername, password: registryPassword } }),
    timeoutMs: REGISTRY_TIMEOUT_MS,
  })
}

function subjectsOf({ topics }: WorkerConfig): readonly string[] {
  return topics.map((topic) => `${topic}-value`)
}

function catalogueOf(config: WorkerConfig, registry: RegistryReader): SchemaCatalogue {
  return createCatalogue({
    registry,
    clock: systemClock,
    newest: { text: AUDIT_EVENT_SCHEMA_TEXT, schema: AUDIT_EVENT_SCHEMA },
    subjects: subjectsOf(config),
  })
}
