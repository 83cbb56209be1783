import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@clickhouse/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SourceRecord } from '../../../consumers/engine/source-record.ts'
import { headerEntries } from '../../../schemas/archive/header.ts'
import { type ReadObject, readObject } from '../../../schemas/archive/object.ts'
import type { ArchivedRecord } from '../../../schemas/archive/row-reader.ts'
import { type TestArchive, testArchive } from '../../support/cold/archive.ts'
import { keysOf } from '../../support/cold/keys.ts'
import { eventRecords, FIRST_MINUTE, rangeOf } from '../../support/cold/ranges.ts'
import { runPython } from '../../support/python/venv.ts'
import { testStack } from '../../support/stack.ts'

const NIL = '00000000-0000-0000-0000-000000000000'
const folder = mkdtempSync(join(tmpdir(), 'daybook-readers-'))

interface Written {
  readonly archive: TestArchive
  readonly object: ReadObject
  readonly records: readonly ArchivedRecord[]
  readonly file: string
  readonly key: string
}

/** An object with events, a tombstone, and a record that is no event. */
async function write(codec: 'zstandard' | 'deflate'): Promise<Written> {
  const archive = await testArchive(`readers-${codec}`)
  const worker = await archive.worker({ codec, blockBytes: 64 * 1024 })
  const records = [
    ...eventRecords({ first: 0n, count: 1000 }),
    SourceRecord.of({ offset: 1000n, appendTime: FIRST_MINUTE, key: null, value: null }),
    SourceRecord.of({
      ...{ offset: 1001n, appendTime: FIRST_MINUTE },
      ...{ key: Buffer.alloc(0), value: Buffer.from([0xff, 0x00]) },
    }),
  ]
  await worker.deliver(rangeOf(archive.partition, records))
  const [stored] = await keysOf(archive)
  const [key, versionId] = [stored?.key ?? '', stored?.versions[0]?.versionId ?? '']
  const bytes = await archive.bucket.store.read({ key, versionId })
  const file = join(folder, `${codec}.avro`)
  writeFileSync(file, bytes)
  const object = readObject(bytes)
  return { archive, object, records: [...object.records()], file, key }
}

const hex = (bytes: Buffer | null) => bytes?.toString('hex') ?? null

let zstandard: Written
let deflate: Written

beforeAll(async () => {
  zstandard = await write('zstandard')
  deflate = await write('deflate')
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(['zstandard', 'deflate'] as const)('with codec %s', (codec) => {
  const written = () => (codec === 'zstandard' ? zstandard : deflate)

  test('fastavro reads rows and header', { timeout: 240_000 }, () => {
    const read = JSON.parse(runPython('read_archive.py', ['fastavro', written().file]))
    const { records, object } = written()
    expect(read.codec).toBe(codec)
    expect(read.offsets).toEqual(records.map((record) => Number(record.offset)))
    expect(read.kinds).toEqual(records.map((record) => record.kind))
    expect(read.keys).toEqual(records.map((record) => hex(record.key)))
    expect(read.raw.filter((raw: string | null) => raw !== null)).toEqual(['ff00'])
    expect(read.event_ids.slice(-2)).toEqual([NIL, NIL])
    expect(new Set(read.event_ids).size).toBe(1001)
    expect(read.metadata).toMatchObject(headerEntries(object.header))
  })

  test('ClickHouse reads the object where it lies', async () => {
    const { clickhouse, s3 } = testStack()
    const client = createClient({
      url: clickhouse.url,
      username: clickhouse.user,
      password: clickhouse.password,
    })
    const { archive, key, records } = written()
    const url = `${s3.endpoint}/${archive.bucket.name}/${key}`
    const result = await client.query({
      query: `SELECT toUInt64(count()) AS rows, toUInt64(sum(_offset)) AS offsets, countIf(_key IS NULL) AS null_keys,
          countIf(_kind = 'event') AS events, uniqExact(toUUID(event_id)) AS ids, max(_append_time) AS newest,
          countIf(length(actor_id) > 0) AS actors
        FROM s3({url:String}, {key:String}, {secret:String}, 'Avro')`,
      query_params: { url, key: s3.accessKeyId, secret: s3.secretAccessKey },
      format: 'JSONEachRow',
    })
    const [row] = await result.json<Record<string, unknown>>()
    await client.close()
    const newest = Math.max(...records.map((record) => record.appendTime))
    expect(
      Object.fromEntries(Object.entries(row ?? {}).map(([name, value]) => [name, String(value)])),
    ).toMatchObject({
      rows: '1002',
      offsets: String((1001 * 1002) / 2),
      null_keys: '1',
      events: '1000',
      ids: '1001',
      actors: '1000',
      newest: new Date(newest).toISOString().replace('T', ' ').slice(0, -1),
    })
  })
})

test('DuckDB reads the object with codec deflate', { timeout: 240_000 }, () => {
  const read = JSON.parse(runPython('read_archive.py', ['duckdb', deflate.file]))
  expect(read.offsets).toEqual(deflate.records.map((record) => Number(record.offset)))
  expect(read.kinds).toEqual(deflate.records.map((record) => record.kind))
  expect(read.event_ids.at(-1)).toBe(NIL)
})
