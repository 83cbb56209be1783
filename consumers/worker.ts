import { systemClock } from '../runtime/clock.ts'
import type { ConfigOf } from '../runtime/config.ts'
import { exitCodeOf } from '../runtime/exit-codes.ts'
import { failpointsFromFd } from '../runtime/failpoint-pipe.ts'
import type { Failpoints } from '../runtime/failpoints.ts'
import { type HealthCheck, startHealthServer } from '../runtime/health.ts'
import { createLifecycle } from '../runtime/lifecycle.ts'
import { createLog, type Log } from '../runtime/log.ts'
import { guardMemory, ownMemory } from '../runtime/memory-guard.ts'
import { createMetrics, type Metrics } from '../runtime/metrics.ts'
import { observeProcess } from '../runtime/process-metrics.ts'
import { createRegistryReader } from '../runtime/registry.ts'
import type { WORKER_FIELDS } from '../runtime/worker-config.ts'
import { AUDIT_EVENT_SCHEMA, AUDIT_EVENT_SCHEMA_TEXT } from '../schemas/generated/audit-event.ts'
import { VERSION } from '../schemas/version.ts'
import type { CutPolicy, PartitionRef, Sink } from './engine/contracts.ts'
import { createEngine, type Engine } from './engine/engine.ts'
import type { EngineState } from './engine/health/engine-health.ts'
import type { EngineLimits } from './engine/options.ts'
import { collectHealth, createEngineMetrics } from './engine-metrics.ts'
import { createKafkaSource } from './kafka/source.ts'
import { assertNoErrors, checkTopics } from './kafka/topics/check-topics.ts'
import { createChecker } from './records/checker.ts'
import { createCatalogue, type SchemaCatalogue } from './records/schema-catalogue.ts'

/** What every worker is configured with, whatever its store. */
export type WorkerConfig = ConfigOf<typeof WORKER_FIELDS>

/** What a worker's own part is made from. */
export interface WorkerContext {
  readonly log: Log
  readonly metrics: Metrics
  readonly failpoints: Failpoints
  readonly catalogue: SchemaCatalogue
}

export interface WorkerPart {
  readonly sink: Sink
  readonly cut: CutPolicy
  readonly limits?: Partial<EngineLimits>
  /** Whether the store has a place for what a schema says that this build does not know. */
  readonly takesNewerSchemas: boolean
  /** Asks the store whether it is as it must be. @throws DaybookError that says what to change */
  readonly checkStore: () => Promise<void>
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
 * Runs a worker until a signal or an error ends it, then exits the process: source → checker → engine → sink.
 * With `--check-config` it only checks, prints what it found, and exits.
 */
export async function runWorker(definition: WorkerDefinition): Promise<never> {
  const { config, service } = definition
  const log = createLog({ service, version: VERSION, level: config.logLevel })
  try {
    const failpoints = await failpointsFromFd(process.env['DAYBOOK_FAILPOINT_FD'])
    const context = { log, metrics: createMetrics(), failpoints, catalogue: catalogueOf(config) }
    const part = await definition.make(context)
    await part.checkStore()
    if (process.argv.includes('--check-config')) {
      const topics = { topics: config.topics, quarantineTopic: definition.quarantineTopic }
      assertNoErrors(await checkTopics({ ...kafkaOf(config), ...topics }))
      log.info({}, 'the configuration, the topics and the store are as they must be')
      process.exit(0)
    }
    return process.exit(await run(definition, context, part))
  } catch (error) {
    log.fatal({ err: error }, 'cannot start')
    return process.exit(exitCodeOf(error))
  }
}

async function run(definition: WorkerDefinition, context: WorkerContext, part: WorkerPart): Promise<number> {
  const { config, service } = definition
  const { log, metrics, failpoints } = context
  const lifecycle = createLifecycle({
    clock: systemClock,
    log,
    signals: process,
    stopTimeoutMs: STOP_TIMEOUT_MS,
  })
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
      catalogue: context.catalogue,
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
  observeProcess(metrics, service, VERSION)
  metrics.onScrape(() => collectHealth(metrics, engine.health()))
  guardMemory(ownMemory())
  lifecycle.onStop('sink', () => part.sink.close())
  const health = await startHealthServer({
    host: config.httpHost,
    port: config.httpPort,
    metrics,
    live: [livenessOf(engine)],
    ready: [readinessOf(engine)],
  })
  lifecycle.onStop('engine', async () => {
    health.drain()
    await engine.stop({ timeoutMs: DRAIN_TIMEOUT_MS })
    await health.close()
  })
  log.info({ topics: config.topics, group: definition.groupId, port: health.port }, 'starting')
  // A group that cannot be joined, because there is no broker, must not keep a signal from ending the process.
  engine.start().catch(lifecycle.crash)
  return lifecycle.ended()
}

/** Fails only where a restart may help. */
function livenessOf(engine: Engine): HealthCheck {
  return {
    name: 'engine',
    state: () => {
      const { alive, state, partitions, boundsUnknownMs } = engine.health()
      if (alive) return { ok: true }
      const standing = partitions.filter(
        ({ healthy, stopped, waiting }) => !healthy && stopped === null && waiting === null,
      )
      if (standing.length > 0) return { ok: false, reason: `no progress in ${namesOf(standing)}` }
      return { ok: false, reason: withoutLog(state, boundsUnknownMs) }
    },
  }
}

function readinessOf(engine: Engine): HealthCheck {
  return {
    name: 'engine',
    state: () => {
      const { healthy, state, partitions, concerns, boundsUnknownMs, withoutGroupMs } = engine.health()
      if (healthy) return { ok: true }
      const reasons = partitions.flatMap(({ partition, stopped }) =>
        stopped === null
          ? []
          : [`${namesOf([{ partition }])} is stopped by ${stopped.code}: ${stopped.message}`],
      )
      for (const [topic, { code, message }] of concerns) reasons.push(`topic ${topic}: ${code}: ${message}`)
      const late = partitions.filter((each) => !each.healthy && each.stopped === null)
      for (const { partition, waiting } of late)
        if (waiting !== null)
          reasons.push(`${namesOf([{ partition }])} waits for ${waiting.step}: ${waiting.code}`)
      const standing = late.filter(({ waiting }) => waiting === null)
      if (standing.length > 0) reasons.push(`no progress in ${namesOf(standing)}`)
      if (reasons.length > 0) return { ok: false, reason: reasons.join('; ') }
      if (state === 'running' && withoutGroupMs > 0) return { ok: false, reason: notInGroup(withoutGroupMs) }
      return { ok: false, reason: withoutLog(state, boundsUnknownMs) }
    },
  }
}

/** Where nothing else is wrong with a running engine, it is the brokers that do not answer. */
function withoutLog(state: EngineState, boundsUnknownMs: number): string {
  if (state !== 'running') return state
  const seconds = Math.round(boundsUnknownMs / 1_000)
  return `no broker has said for ${seconds} s where the log ends: is Kafka up? (DAYBOOK_KAFKA_BROKER)`
}

function notInGroup(sinceMs: number): string {
  const seconds = Math.round(sinceMs / 1_000)
  return `the group has given this worker no partitions for ${seconds} s since it started: is Kafka up? (DAYBOOK_KAFKA_BROKER)`
}

function namesOf(partitions: readonly { readonly partition: PartitionRef }[]): string {
  return partitions.map(({ partition }) => `${partition.topic}/${partition.partition}`).join(', ')
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

function catalogueOf(config: WorkerConfig): SchemaCatalogue {
  const { registryUsername: username, registryPassword: password } = config
  const registry = createRegistryReader({
    url: config.registryUrl,
    ...(username === null || password === null ? {} : { auth: { username, password } }),
    timeoutMs: REGISTRY_TIMEOUT_MS,
  })
  return createCatalogue({
    registry,
    clock: systemClock,
    newest: { text: AUDIT_EVENT_SCHEMA_TEXT, schema: AUDIT_EVENT_SCHEMA },
    subjects: config.topics.map((topic) => `${topic}-value`),
  })
}
