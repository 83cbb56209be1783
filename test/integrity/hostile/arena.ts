import { randomUUID } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import avro from 'avsc'
import type { Admin } from 'kafkajs'
import type { PartitionRef } from '../../../consumers/engine/contracts.ts'
import { describeTopics } from '../../../consumers/kafka/topics/describe-topics.ts'
import { AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'
import { WORKERS, type WorkerKind } from '../faults/plan.ts'
import { type Ground, layGround, PATIENT } from '../faults/topics.ts'
import type { World } from '../faults/world.ts'
import { arrivedOrMissing } from './arrival.ts'
import { type DelayWatch, percentile, startDelayWatch } from './delay-watch.ts'
import { type GoodTraffic, startGoodTraffic } from './good-traffic.ts'
import { startWatchedWorker, type WatchedWorker } from './worker-watch.ts'

/** Topics, bucket and running workers, with good traffic: what one or several cases are played in. */
export interface Arena {
  readonly world: World
  readonly ground: Ground
  readonly admin: Admin
  readonly workers: Readonly<Record<WorkerKind, WatchedWorker>>
  readonly traffic: GoodTraffic
  readonly watch: DelayWatch
  /** All partitions there are now. */
  partitions(): readonly PartitionRef[]
  /** Asks the broker for them again. */
  refreshPartitions(): Promise<void>
  /** Partitions that good traffic leaves out for the time being, as `<topic>/<partition>`. */
  readonly quiet: Set<string>
  /** 99th percentile of delays without an attack, in milliseconds. */
  readonly calmP99: number
  validEvent(over?: Readonly<Record<string, unknown>>): Buffer
  /** Bytes of the quarantine topic on the broker's disk. */
  quarantineBytes(): number
  /** Ends traffic and, once its last events have arrived or take too long, the workers. */
  close(): Promise<void>
}

const MAINS: Readonly<Record<WorkerKind, string>> = {
  hot: fileURLToPath(new URL('../../../consumers/hot-main.ts', import.meta.url)),
  cold: fileURLToPath(new URL('../../../consumers/cold-main.ts', import.meta.url)),
}
/** How long the traffic runs alone before the first attack, so that there is something to compare with. */
const CALM_MS = 5_000
const QUARANTINE_PARTITIONS = 6
/** Usual limits, not the small ones of the fault campaign. */
const SETTINGS = { DAYBOOK_MAX_RECORD_BYTES: '1048576', DAYBOOK_KAFKA_SESSION_TIMEOUT_MS: '10000' }
const CUT_ROWS = { hot: '100000', cold: '10000' }

export async function openArena(world: World, name: string): Promise<Arena> {
  const ground = await layGround(world, name, PATIENT)
  const admin = world.kafka.admin()
  await admin.connect()
  const start = (kind: WorkerKind) =>
    startWatchedWorker({
      kind,
      main: MAINS[kind],
      env: { ...ground.env(kind), ...SETTINGS, DAYBOOK_CUT_ROWS: CUT_ROWS[kind] },
      logFile: join(world.directory, `${name}-${kind}.log`),
    })
  const [hot, cold] = await Promise.all([start('hot'), start('cold')])
  let partitions = ground.partitions
  const current = () => partitions
  const validEvent = eventMaker(ground.schemaId)
  const eventOf = (id: string) => validEvent({ event_id: id, tenant_id: 'good' })
  const quiet = new Set<string>()
  const loud = () => partitions.filter(({ topic, partition }) => !quiet.has(`${topic}/${partition}`))
  const traffic = await startGoodTraffic({ kafka: world.kafka, partitions: loud, eventOf })
  const clickhouseUrl = world.stack.endpoints.clickhouse.url
  const watch = startDelayWatch({ clickhouseUrl, admin, partitions: current })
  await new Promise((resolve) => setTimeout(resolve, CALM_MS))
  const calm = traffic.events.filter(({ ackedAt }) => ackedAt < Date.now() - CALM_MS / 3)
  return {
    ...{ world, ground, admin, traffic, watch, validEvent, quiet, partitions: current },
    workers: { hot, cold },
    refreshPartitions: async () => {
      const { brokers } = world.stack.endpoints.kafka
      partitions = (await describeTopics({ brokers }, ground.topics)).partitions
    },
    calmP99: percentile(watch.delays(calm), 0.99) ?? 0,
    quarantineBytes: () => logBytes(world.kafkaLogDir, ground.quarantineTopic),
    close: async () => {
      await traffic.stop()
      await arrivedOrMissing(watch, traffic.events)
      await watch.stop()
      await Promise.all(WORKERS.map((kind) => ({ hot, cold })[kind].stop()))
      await admin.disconnect()
    },
  }
}

/** Encodes with avsc from the schema's text: nothing of the product makes these bytes. */
function eventMaker(schemaId: number) {
  const type = avro.Type.forSchema(JSON.parse(AUDIT_EVENT_SCHEMA_TEXT))
  if (!(type instanceof avro.types.RecordType)) throw new Error('the event schema is no record')
  const defaults = Object.fromEntries(type.fields.map((field) => [field.name, field.defaultValue()]))
  return (over: Readonly<Record<string, unknown>> = {}): Buffer => {
    const own = { event_id: randomUUID(), tenant_id: 'hostile', action: 'case.sent', occurred_at: Date.now() }
    const header = Buffer.alloc(5)
    header.writeUInt32BE(schemaId, 1)
    return Buffer.concat([header, type.toBuffer({ ...defaults, ...own, ...over })])
  }
}

function logBytes(logDir: string, topic: string): number {
  let bytes = 0
  for (let partition = 0; partition < QUARANTINE_PARTITIONS; partition++) {
    const directory = join(logDir, `${topic}-${partition}`)
    for (const file of readdirSync(directory))
      if (file.endsWith('.log')) bytes += statSync(join(directory, file)).size
  }
  return bytes
}
