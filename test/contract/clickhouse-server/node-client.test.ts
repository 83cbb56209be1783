import { Readable } from 'node:stream'
import { type ClickHouseClient, ClickHouseError, createClient } from '@clickhouse/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { useServer } from '../../support/clickhouse/local-server.ts'

const server = useServer()
const QUIET = { level: 127 } as const

async function errorOf(work: Promise<unknown>): Promise<{ code: string; type: string | undefined }> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof ClickHouseError)) throw new Error(`not a ClickHouse error: ${String(error)}`)
  return { code: error.code, type: error.type }
}

describe.each([
  { name: 'plain', compressed: false },
  { name: 'compressed', compressed: true },
])('@clickhouse/client, $name', ({ name, compressed }) => {
  let client: ClickHouseClient
  const table = `node_${name}`

  beforeAll(async () => {
    const compression = { request: compressed, response: compressed }
    client = createClient({ url: server.url, compression, log: QUIET, request_timeout: 60_000 })
    await client.command({
      query: `CREATE OR REPLACE TABLE ${table} (id UInt64, tags Map(String, String), s Nullable(String)) ENGINE = MergeTree ORDER BY id`,
    })
  })
  afterAll(() => client.close())

  test('ping answers', async () => {
    expect(await client.ping()).toEqual({ success: true })
  })

  test('rows inserted as objects come back equal, and the summary counts them', async () => {
    const values = [
      { id: '1', tags: { a: "it's" }, s: null },
      { id: '2', tags: {}, s: 'é\n\t' },
    ]
    const { summary } = await client.insert({ table, values, format: 'JSONEachRow' })
    expect(summary?.written_rows).toBe('2')
    const result = await client.query({
      query: `SELECT * FROM ${table} ORDER BY id`,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
    })
    expect(await result.json()).toEqual(values)
  })

  test('a stream of rows is inserted', async () => {
    const rows = Array.from({ length: 20_000 }, (_, index) => `${1_000 + index}\t{}\t\\N\n`)
    await client.insert({ table, values: Readable.from(rows, { objectMode: false }), format: 'TabSeparated' })
    const result = await client.query({
      query: `SELECT count() AS n FROM ${table} WHERE id >= 1000`,
      format: 'JSON',
    })
    expect((await result.json<{ n: number }>()).data).toEqual([{ n: 20_000 }])
  })

  test('parameters of many types reach the engine as values, never as SQL', async () => {
    const values = await client.query({
      query:
        'SELECT {s:String} AS s, {n:Int32} AS n, {a:Array(String)} AS a, {d:DateTime64(3)} AS d, {u:UUID} AS u, {o:Nullable(String)} AS o',
      query_params: {
        s: "'; DROP TABLE x; --\\\t",
        n: -5,
        a: ["b'c", '\\'],
        d: new Date('2026-03-01T10:20:30.123Z'),
        u: '01890a5d-ac96-774b-bcce-b302099a8057',
        o: null,
      },
      clickhouse_settings: { session_timezone: 'UTC' },
      format: 'JSONEachRow',
    })
    expect(await values.json()).toEqual([
      {
        s: "'; DROP TABLE x; --\\\t",
        n: -5,
        a: ["b'c", '\\'],
        d: '2026-03-01 10:20:30.123',
        u: '01890a5d-ac96-774b-bcce-b302099a8057',
        o: null,
      },
    ])
  })

  test('settings hold for their request only', async () => {
    const ask = async (settings: Record<string, string>) => {
      const query = "SELECT getSetting('max_block_size') AS size"
      const result = await client.query({ query, clickhouse_settings: settings, format: 'JSONEachRow' })
      return (await result.json<{ size: string }>())[0]?.size
    }
    const before = await ask({})
    expect(Number(await ask({ max_block_size: '777' }))).toBe(777)
    expect(await ask({})).toBe(before)
  })

  test('exceptions carry number and name', async () => {
    expect(await errorOf(client.command({ query: 'SELEC 1' }))).toMatchObject({ code: '62' })
    expect(await errorOf(client.command({ query: 'SELECT * FROM nope' }))).toEqual({
      code: '60',
      type: 'UNKNOWN_TABLE',
    })
    expect(await errorOf(client.command({ query: 'SELECT 1', clickhouse_settings: { nosuch: 1 } }))).toEqual({
      code: '115',
      type: 'UNKNOWN_SETTING',
    })
    expect(
      await errorOf(client.insert({ table, values: [{ id: 'x' }], format: 'JSONEachRow' })),
    ).toMatchObject({
      code: expect.stringMatching(/^(6|27|53|72|117)$/),
    })
  })

  test('an aborted query leaves the process list', async () => {
    const abort = new AbortController()
    const comment = `aborted-${name}`
    const query = client.query({
      query: `SELECT count() FROM system.numbers WHERE NOT ignore(rand(number)) SETTINGS log_comment = '${comment}'`,
      abort_signal: abort.signal,
      clickhouse_settings: { cancel_http_readonly_queries_on_client_close: 1, log_comment: comment },
    })
    query.catch(() => {})
    const running = async () => {
      const sql = `SELECT count() AS n FROM system.processes WHERE Settings['log_comment'] = '${comment}'`
      return (await (await client.query({ query: sql, format: 'JSONEachRow' })).json<{ n: number }>())[0]?.n
    }
    while (Number(await running()) === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    abort.abort()
    while (Number(await running()) > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  })

  test('many clients ask at once and each gets its own answer', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const query = 'SELECT {i:UInt32} AS i, sleep(0.05) AS z'
        const result = await client.query({ query, query_params: { i }, format: 'JSONEachRow' })
        return (await result.json<{ i: number }>())[0]?.i
      }),
    )
    expect(answers).toEqual(Array.from({ length: 40 }, (_, i) => i))
  })
})

test('an exception amid the rows ends the stream with its number and name', async () => {
  const client = createClient({ url: server.url, log: QUIET })
  const result = await client.query({
    query: 'SELECT number, throwIf(number = 3000000) FROM numbers(10000000)',
    format: 'JSONEachRow',
  })
  let rows = 0
  const error: unknown = await (async () => {
    for await (const batch of result.stream()) rows += batch.length
  })().catch((reason: unknown) => reason)
  expect(rows).toBeGreaterThan(0)
  expect(error).toMatchObject({ code: '395', type: 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO' })
  await client.close()
})

test('a Native body is written and read back byte for byte', async () => {
  const client = createClient({ url: server.url, log: QUIET })
  const read = async (query: string) => {
    const { stream } = await client.exec({ query })
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks)
  }
  const columns =
    "number AS n, toString(number) AS s, ['a', toString(number % 3)] AS a, toUUID('01890a5d-ac96-774b-bcce-b302099a8057') AS u"
  const body = await read(`SELECT ${columns} FROM numbers(50000) FORMAT Native`)
  await client.command({
    query:
      'CREATE OR REPLACE TABLE native (n UInt64, s String, a Array(String), u UUID) ENGINE = MergeTree ORDER BY n',
  })
  const inserted = await client.exec({
    query: 'INSERT INTO native FORMAT Native',
    values: Readable.from([body]),
  })
  inserted.stream.resume()
  expect(
    await read(
      'SELECT * FROM native ORDER BY n SETTINGS max_block_size = 65536, max_threads = 1 FORMAT RowBinary',
    ),
  ).toEqual(await read(`SELECT ${columns} FROM numbers(50000) FORMAT RowBinary`))
  await client.close()
})
