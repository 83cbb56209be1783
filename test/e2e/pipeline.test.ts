import { createHash, randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { SourceRecord } from '../../consumers/engine/contracts.ts'
import type { Archive } from '../../evidence/archive.ts'
import { getEvents } from '../../evidence/get.ts'
import { listObjects } from '../../evidence/list.ts'
import { rebuildRecords } from '../../evidence/rebuild.ts'
import { workerComponent } from '../../infra/local/components/worker.ts'
import { freePort } from '../../infra/local/ports.ts'
import { initArchiveOf } from '../../operations/archive-init.ts'
import { createBucket } from '../../operations/create-bucket.ts'
import { createTopics } from '../../operations/create-topics.ts'
import { migrateHotStore } from '../../operations/event-schema.ts'
import { registerSchema } from '../../operations/registry-admin.ts'
import { workerEnvironment } from '../../operations/settings.ts'
import { ensureSigningKey } from '../../operations/signing-key.ts'
import { createAuditLog, kafka } from '../../producers/sdk/src/index.ts'
import { nodeCrypto, signerFromPem } from '../../proof/node.ts'
import { createS3Store } from '../../runtime/object-store/s3.ts'
import { AUDIT_EVENT_SCHEMA_TEXT } from '../../schemas/generated/audit-event.ts'
import { HEADER_BYTES } from '../../schemas/wire.ts'
import { coversExactly, startSource } from '../contract/kafka/collector.ts'
import { sendForeignRecords } from '../integrity/faults/foreign.ts'
import { ask } from '../support/clickhouse/http.ts'
import { contentOf } from '../support/records.ts'
import { testStack } from '../support/stack.ts'

const PARTITIONS = 3
const EVENTS = 300
const RESENT = 20

const run = randomUUID().slice(0, 8)
const topic = `e2e${run}.standard`
const quarantineTopic = `e2e${run}.quarantine`
const bucket = `e2e-${run}`
const dataDir = mkdtempSync(join(tmpdir(), 'daybook-e2e-'))
const stack = testStack()
const cluster = new Kafka({ brokers: [...stack.kafka.brokers], logLevel: logLevel.NOTHING })
const started: { stop(): Promise<void> }[] = []

let env: Readonly<Record<string, string | undefined>>
let schemaId: number
beforeAll(async () => {
  const settings = { topics: [topic], quarantineTopic, bucket }
  env = {
    ...workerEnvironment({ PATH: process.env['PATH'] }, stack, settings),
    DAYBOOK_SIGNING_KEY_FILE: ensureSigningKey(dataDir),
    DAYBOOK_KAFKA_SESSION_TIMEOUT_MS: '6000',
  }
  const registry = { ...stack.registry, timeoutMs: 10_000 }
  const subject = `${topic}-value`
  ;[schemaId] = await Promise.all([
    registerSchema({ ...registry, subject, schema: AUDIT_EVENT_SCHEMA_TEXT }),
    createBucket(stack.s3, bucket),
    createTopics({ kafka: stack.kafka, topics: [topic], quarantineTopic, partitions: PARTITIONS }),
    migrateHotStore(stack.clickhouse),
  ])
  await initArchiveOf(env, 'local start')
})
afterAll(async () => {
  await Promise.all(started.map((worker) => worker.stop()))
  const admin = cluster.admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [topic, quarantineTopic] })
  await admin.disconnect()
  rmSync(dataDir, { recursive: true, force: true })
})

async function startWorker(kind: 'hot' | 'cold', name: string) {
  const logFile = join(dataDir, `${name}.log`)
  const worker = workerComponent({ kind, env, port: await freePort(), dataDir, logFile })
  started.push(worker)
  await worker.start()
  return worker
}

async function emitThroughSdk(count: number): Promise<void> {
  const audit = createAuditLog({
    service: { name: 'e2e' },
    tenant: 'acme',
    spool: { dir: join(dataDir, randomUUID()) },
    transport: kafka({
      brokers: [...stack.kafka.brokers],
      registry: { url: stack.registry.url },
      topicPrefix: `e2e${run}.`,
    }),
  })
  for (let i = 0; i < count; i++)
    audit.emit('order.updated', {
      target: { type: 'order', id: String(i) },
      actor: { id: 'u', type: 'user' },
    })
  await audit.flush({ timeoutMs: 15_000 })
  await audit.close()
}

/** As a producer does that lost its spool's position: the same events, with keys of its own. */
async function sendAgain(values: readonly (Buffer | null)[]): Promise<void> {
  const producer = cluster.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await producer.send({ topic, messages: values.map((value) => ({ key: randomUUID(), value })) })
  await producer.disconnect()
}

interface KafkaContent {
  /** By `partition/offset`. */
  readonly records: ReadonlyMap<string, SourceRecord>
  /** The next offset of each partition. */
  readonly ends: readonly bigint[]
}

async function readKafka(): Promise<KafkaContent> {
  const admin = cluster.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  const ends = offsets.toSorted((a, b) => a.partition - b.partition).map(({ high }) => BigInt(high))
  const { source, collector } = await startSource(stack.kafka.brokers, topic)
  await collector.until(() => ends.every((end, partition) => collector.covered(partition) >= end - 1n))
  await source.stop()
  const records = new Map<string, SourceRecord>()
  for (const [partition] of ends.entries()) {
    expect(coversExactly(collector.of(partition))).toBe(true)
    for (const record of collector.records(partition)) records.set(`${partition}/${record.offset}`, record)
  }
  return { records, ends }
}

async function clickhouse<Row>(sql: string): Promise<Row[]> {
  const text = await ask(stack.clickhouse.url, `${sql} FORMAT JSONEachRow`)
  return text === '' ? [] : text.split('\n').map((line): Row => JSON.parse(line))
}

/** Every offset below the ends is an event or lies in a gap. */
async function hotHasAll(ends: readonly bigint[]): Promise<void> {
  const [row] = await clickhouse<{ n: string }>(
    `SELECT toString((SELECT count() FROM daybook.events WHERE _topic = '${topic}') + (SELECT sum(last - first + 1) FROM (SELECT DISTINCT partition, first, last FROM daybook.gaps WHERE topic = '${topic}'))) AS n`,
  )
  // Control records at the end of a partition are listed with the range that follows them.
  expect(Number(row?.n)).toBeGreaterThanOrEqual(Number(ends.reduce((sum, end) => sum + end, 0n)) - PARTITIONS)
}

function archiveOf(): Archive {
  const store = createS3Store({ ...stack.s3, bucket, forcePathStyle: true })
  const key = readFileSync(env['DAYBOOK_SIGNING_KEY_FILE'] ?? '', 'utf8')
  return { store, publicKeys: [signerFromPem(key).publicKey], crypto: nodeCrypto }
}

it('what producers send stands once in ClickHouse and once in the archive, byte for byte as in Kafka', async () => {
  const [hot, cold] = await Promise.all([startWorker('hot', 'hot-1'), startWorker('cold', 'cold-1')])
  await Promise.all([
    emitThroughSdk(EVENTS),
    sendForeignRecords({
      kafka: cluster,
      topics: [{ name: topic, partitions: PARTITIONS, schemaId }],
      schemaText: AUDIT_EVENT_SCHEMA_TEXT,
      maxRecordBytes: 1_048_576,
      random: Math.random,
    }),
  ])
  const [second] = await Promise.all([startWorker('hot', 'hot-2'), emitThroughSdk(EVENTS)])
  const before = await readKafka()
  // Keys of eight bytes are the SDK's.
  const sdkValues = [...before.records.values()].filter(({ key }) => key?.length === 8)
  await sendAgain(sdkValues.slice(0, RESENT).map(({ value }) => value))

  const { records, ends } = await readKafka()
  await vi.waitFor(() => hotHasAll(ends), { timeout: 20_000, interval: 200 })
  // The cold worker has cut nothing by age yet: what it holds open is delivered because it is told to end.
  await Promise.all([hot.stop(), second.stop(), cold.stop()])

  const archive = archiveOf()
  const kinds = new Map<string, string>()
  for await (const listed of listObjects(archive, { topic })) {
    for await (const archived of rebuildRecords(archive, listed)) {
      const place = `${listed.name.partition}/${archived.offset}`
      expect(kinds.has(place), place).toBe(false)
      kinds.set(place, archived.kind)
      const record = records.get(place)
      expect(contentOf(archived), place).toEqual(record === undefined ? null : contentOf(record))
    }
  }
  expect(new Set(kinds.keys())).toEqual(new Set(records.keys()))

  const rows = await clickhouse<{ place: string; at: string; h: string }>(
    `SELECT concat(toString(_partition), '/', toString(_offset)) AS place, toString(toUnixTimestamp64Milli(_received_at)) AS at, lower(hex(_content_hash)) AS h FROM daybook.events WHERE _topic = '${topic}' ORDER BY place`,
  )
  const events = [...kinds].filter(([, kind]) => kind === 'event').map(([place]) => place)
  expect(rows.map((row) => row.place)).toEqual(events.toSorted())
  for (const { place, at, h } of rows) {
    const record = records.get(place)
    const payload = record?.value?.subarray(HEADER_BYTES) ?? Buffer.alloc(0)
    const hash = createHash('sha256').update(payload).digest('hex')
    expect({ at: Number(at), h }, place).toEqual({ at: record?.appendTime, h: hash })
  }

  const found: string[] = []
  for await (const item of getEvents(archive, { topic })) {
    expect(item.kind).toBe('event')
    if (item.kind === 'event') found.push(String(item.event['event_id']))
  }
  const shown = await clickhouse<{ id: string }>(
    `SELECT event_id::String AS id FROM daybook.audit WHERE _topic = '${topic}' ORDER BY id`,
  )
  expect(found.toSorted()).toEqual(shown.map((row) => row.id))
  expect(new Set(found).size).toBe(found.length)
  expect(rows.length - found.length).toBe(RESENT)
  expect(found.length).toBeGreaterThanOrEqual(2 * EVENTS)
})
