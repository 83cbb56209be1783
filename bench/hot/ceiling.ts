import { createReadStream, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SourceRecord } from '../../consumers/engine/source-record.ts'
import { createHotClients } from '../../consumers/hot/clickhouse/client.ts'
import { createHotStore } from '../../consumers/hot/clickhouse/store.ts'
import type { EventRow } from '../../consumers/hot/insert/event-rows.ts'
import { avroEncoding } from '../../consumers/hot/insert/insert-encoding.ts'
import { insertStatements, type OwnedPartition } from '../../consumers/hot/insert/insert-statement.ts'
import { AUDIT_EVENT_SCHEMA } from '../../schemas/generated/audit-event.ts'
import { frame, HEADER_BYTES } from '../../schemas/wire.ts'
import type { BenchStack } from '../measure/bench-stack.ts'
import { placeOf } from '../measure/fill.ts'
import type { Arena, Contestant, Run } from './contest.ts'

/** The worker's default cut. */
const INSERT_ROWS = 100_000
const INSERT_BYTES = 48 * 1024 * 1024
const OWNER = 'ceiling'

interface ReadyInsert {
  readonly file: string
  readonly owned: readonly OwnedPartition[]
}

/**
 * What the store alone allows: the very bodies that the worker would send for these payloads, ready in files, one
 * after the other through the same HTTP interface into the same table.
 */
export function ceiling(stack: BenchStack, payloads: Iterable<Buffer>): Contestant {
  const inserts = writeBodies(stack, payloads)
  return { name: 'ceiling', run: (arena) => runCeiling(inserts, arena) }
}

async function runCeiling(inserts: readonly ReadyInsert[], { stack, table, events }: Arena): Promise<Run> {
  await takeFence(table.command, stack)
  const { url, user, password } = stack.stack.endpoints.clickhouse
  const store = createHotStore({ clients: createHotClients({ url, user, password }), database: 'daybook' })
  const encoding = avroEncoding(AUDIT_EVENT_SCHEMA)
  const statements = insertStatements({ database: 'daybook', schema: AUDIT_EVENT_SCHEMA, encoding })
  const engineBefore = table.engineCpuMicros()
  const startedAt = performance.now()
  for (const { file, owned } of inserts)
    await store.insert({
      sql: statements.insert(owned),
      body: createReadStream(file, { highWaterMark: 1 << 20 }),
      queryId: file,
      comment: '',
      signal: new AbortController().signal,
    })
  await table.until(events)
  const seconds = (performance.now() - startedAt) / 1_000
  const engineCpuMicros = table.engineCpuMicros() - engineBefore
  await store.close()
  return { seconds, secondsAfterStart: seconds, workerCpuMicros: 0, engineCpuMicros }
}

async function takeFence(command: (sql: string) => Promise<void>, stack: BenchStack): Promise<void> {
  const rows = stack.partitions.map(
    ({ topicId, topic, partition }) => `('${topicId}','${topic}',${partition},1,'${OWNER}',-1,now64(3))`,
  )
  await command(`INSERT INTO daybook.fence VALUES ${rows.join(',')}`)
}

/** Cuts each partition as the worker does, and writes every insert's body to a file. */
function writeBodies(stack: BenchStack, payloads: Iterable<Buffer>): ReadyInsert[] {
  const dir = join(stack.dataDir, 'bodies')
  mkdirSync(dir)
  const encoding = avroEncoding(AUDIT_EVENT_SCHEMA)
  const inserts: ReadyInsert[] = []
  const open = stack.partitions.map((partition) => ({
    partition,
    next: 0n,
    bytes: 0,
    rows: [] as EventRow[],
  }))
  const cut = (one: (typeof open)[number]) => {
    if (one.rows.length === 0) return
    const file = join(dir, `${inserts.length}.avro`)
    writeFileSync(file, Buffer.concat([...encoding.encode([{ range: 0, rows: one.rows }]).pieces]))
    inserts.push({ file, owned: [{ partition: one.partition, owner: OWNER }] })
    one.rows = []
    one.bytes = 0
  }
  const appendTime = Date.now()
  for (const payload of payloads) {
    const one = open[placeOf(payload, open.length).partition]
    if (one === undefined) continue
    const value = frame(stack.schemaId, payload)
    const record = new SourceRecord(one.next++, appendTime, value, -1, -1, 0, value.length)
    const place = { bytes: value, start: HEADER_BYTES, end: value.length, source: null, clockTime: null }
    one.rows.push({ partition: one.partition, record, schemaId: stack.schemaId, ...place })
    one.bytes += value.length
    if (one.rows.length >= INSERT_ROWS || one.bytes >= INSERT_BYTES) cut(one)
  }
  for (const one of open) cut(one)
  return inserts
}
