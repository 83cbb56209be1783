import { createEngine } from '../../../../consumers/engine/engine.ts'
import { noObserver } from '../../../../consumers/engine/observer.ts'
import type { HotClients } from '../../../../consumers/hot/clickhouse/client.ts'
import { createHotClients } from '../../../../consumers/hot/clickhouse/client.ts'
import { createHotSink } from '../../../../consumers/hot/sink.ts'
import { createQuarantineWriter } from '../../../../consumers/kafka/quarantine/quarantine-writer.ts'
import { createKafkaSource } from '../../../../consumers/kafka/source.ts'
import { createChecker } from '../../../../consumers/records/checker.ts'
import { createCatalogue } from '../../../../consumers/records/schema-catalogue.ts'
import { systemClock } from '../../../../runtime/clock.ts'
import { failpointsFromFd } from '../../../../runtime/failpoint-pipe.ts'
import { createLog } from '../../../../runtime/log.ts'
import { createRegistryReader } from '../../../../runtime/registry.ts'
import { readHotConfig } from '../../../../runtime/worker-config.ts'
import { AUDIT_EVENT_SCHEMA, AUDIT_EVENT_SCHEMA_TEXT } from '../../../../schemas/generated/audit-event.ts'
import { commitsBeforeDelivery, noTipAtStart, type Sabotage } from '../../../model/sabotage.ts'

/**
 * The hot worker with a mistake that designs of this kind make, named by `BROKEN`: the harness must find what it does.
 * All else is the real thing.
 */
const LEASE_MS = 3_000

const SABOTAGE: Readonly<Record<string, Sabotage>> = {
  'commits-before-delivery': (parts) => noTipAtStart(commitsBeforeDelivery(parts)),
  'no-tip-check': noTipAtStart,
}

const INSERT_CONDITION: Readonly<Record<string, () => string>> = {
  'no-fence': () => '1',
  'fence-by-deadline': () =>
    `throwIf(now64(3) >= fromUnixTimestamp64Milli(${Date.now() + LEASE_MS}::Int64))=0`,
}

const broken = process.env['BROKEN'] ?? ''
const config = readHotConfig(process.env)
const log = createLog({ service: `broken hot (${broken})`, version: 'broken', level: 'info' })
const failpoints = await failpointsFromFd(process.env['DAYBOOK_FAILPOINT_FD'])
const kafka = { brokers: config.kafkaBrokers }
const catalogue = createCatalogue({
  registry: createRegistryReader({ url: config.registryUrl, timeoutMs: 5_000 }),
  clock: systemClock,
  newest: { text: AUDIT_EVENT_SCHEMA_TEXT, schema: AUDIT_EVENT_SCHEMA },
  subjects: config.topics.map((topic) => `${topic}-value`),
})
const sink = createHotSink({
  clients: sabotaged(
    createHotClients({
      url: config.clickhouseUrl,
      user: config.clickhouseUser,
      password: config.clickhousePassword ?? '',
      requestTimeoutMs: config.storeTimeoutMs,
    }),
  ),
  database: 'daybook',
  schemas: { table: catalogue.newest.schema, schemaOf: (id) => catalogue.schemaOf(id).schema },
  quarantine: createQuarantineWriter({ ...kafka, topic: config.quarantineTopic, log }),
  clock: systemClock,
  failpoints,
})
const source = createKafkaSource({
  ...kafka,
  groupId: 'daybook-hot',
  topics: config.topics,
  clock: systemClock,
  log,
  tuning: {
    sessionTimeoutMs: config.sessionTimeoutMs,
    rebalanceTimeoutMs: 2 * config.sessionTimeoutMs,
    heartbeatIntervalMs: Math.floor(config.sessionTimeoutMs / 5),
  },
})
const engine = createEngine({
  ...(SABOTAGE[broken] ?? ((parts) => parts))({ source, sink }),
  checker: createChecker({ catalogue, maxRecordBytes: config.maxRecordBytes, clock: systemClock }),
  cut: { maxRows: config.cutRows, maxBytes: config.cutBytes, maxAgeMs: config.cutAgeMs },
  clock: systemClock,
  failpoints,
  observer: {
    ...noObserver,
    retrying: (step, _partition, _delayMs, error) => log.warn({ step, err: error }, 'retrying'),
    fenced: () => log.warn({}, 'fenced'),
    crashed: (error) => {
      log.fatal({ err: error }, 'crashed')
      process.exit(70)
    },
  },
  random: Math.random,
})
process.once('SIGTERM', () => {
  void engine.stop({ timeoutMs: 5_000 }).finally(() => process.exit(0))
})
await engine.start()

/** Another condition in place of the fence's, and a name by which no successor finds the insert. */
function sabotaged(clients: HotClients): HotClients {
  const condition = INSERT_CONDITION[broken]
  if (condition === undefined) return clients
  const inserts = new Proxy(clients.inserts, {
    get: (target, property) => {
      if (property === 'exec')
        return (params: Parameters<typeof target.exec>[0]) => target.exec(unfenced(params, condition()))
      const value: unknown = Reflect.get(target, property)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { ...clients, inserts }
}

function unfenced<P extends { query: string; clickhouse_settings?: object }>(
  params: P,
  condition: string,
): P {
  const query = params.query.replace(
    / WHERE throwIf\(.*\)=0 FORMAT Avro$/s,
    ` WHERE ${condition} FORMAT Avro`,
  )
  if (query === params.query) throw new Error('the insert has no fence to break')
  return { ...params, query, clickhouse_settings: { ...params.clickhouse_settings, log_comment: '' } }
}
