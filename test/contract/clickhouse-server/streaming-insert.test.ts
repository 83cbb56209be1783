import { expect, test } from 'vitest'
import { ask, askUntil, openPost, post } from '../../support/clickhouse/http.ts'
import { useServer } from '../../support/clickhouse/local-server.ts'

const server = useServer()
/** Small blocks, parsed in order, so that a test sees how far a body has come. */
const SMALL_BLOCKS = {
  async_insert: 0,
  input_format_parallel_parsing: 0,
  max_insert_block_size: 1000,
  max_block_size: 1000,
  min_insert_block_size_rows: 1000,
  min_insert_block_size_bytes: 0,
  max_read_buffer_size: 4096,
}

async function table(name: string): Promise<string> {
  await ask(server.url, `CREATE OR REPLACE TABLE ${name} (a UInt64) ENGINE = MergeTree ORDER BY a`)
  return name
}

const rows = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => `${from + index}\n`).join('')
const running = (comment: string) =>
  `SELECT count() FROM system.processes WHERE Settings['log_comment'] = '${comment}' AND query LIKE 'INSERT%'`

test('rows of the first half of a body are in the table while the second half is not sent', async () => {
  const name = await table('half')
  const insert = openPost(server.url, {
    ...SMALL_BLOCKS,
    query: `INSERT INTO ${name} SELECT a FROM input('a UInt64') FORMAT TSV`,
  })
  insert.outgoing.write(rows(0, 50_000))
  const seen = await askUntil(server.url, `SELECT count() FROM ${name}`, (count) => Number(count) >= 10_000)
  expect(Number(seen)).toBeLessThan(100_000)
  insert.outgoing.end(rows(50_000, 50_000))
  expect((await insert.answer).status).toBe(200)
  expect(await ask(server.url, `SELECT count(), uniqExact(a) FROM ${name}`)).toBe('100000\t100000')
})

test('queries with parameters are answered while an insert waits for its body', async () => {
  const name = await table('waiting')
  const insert = openPost(server.url, { query: `INSERT INTO ${name} FORMAT TSV`, log_comment: 'waiting' })
  insert.outgoing.write(rows(0, 10))
  await askUntil(server.url, running('waiting'), (count) => count === '1')
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, x) => ask(server.url, 'SELECT {x:UInt32} + 1', { param_x: x })),
  )
  expect(answers).toEqual(Array.from({ length: 50 }, (_, x) => String(x + 1)))
  insert.outgoing.end()
  expect((await insert.answer).status).toBe(200)
})

test('a body that is cut inside a block inserts nothing of that block', async () => {
  const name = await table('cut')
  const insert = openPost(server.url, {
    query: `INSERT INTO ${name} FORMAT TSV`,
    log_comment: 'cut',
    async_insert: 0,
  })
  insert.outgoing.write(rows(0, 5_000))
  await askUntil(server.url, running('cut'), (count) => count === '1')
  insert.outgoing.destroy()
  await askUntil(server.url, running('cut'), (count) => count === '0')
  expect(await ask(server.url, `SELECT count() FROM ${name}`)).toBe('0')
})

test('a body shorter than its content-length inserts nothing', async () => {
  const name = await table('short')
  const parameters = { query: `INSERT INTO ${name} FORMAT TSV`, log_comment: 'short', async_insert: 0 }
  const insert = openPost(server.url, parameters, { 'Content-Length': '1000' })
  insert.outgoing.write('1\n2\n')
  await askUntil(server.url, running('short'), (count) => count === '1')
  insert.outgoing.destroy()
  await askUntil(server.url, running('short'), (count) => count === '0')
  expect(await ask(server.url, `SELECT count() FROM ${name}`)).toBe('0')
})

test('an insert whose client leaves after the whole body is finished', async () => {
  const name = await table('left')
  const insert = openPost(server.url, {
    query: `INSERT INTO ${name} SELECT a FROM input('a UInt64') WHERE sleepEachRow(0.05) = 0 FORMAT TSV`,
    log_comment: 'left',
    async_insert: 0,
  })
  insert.outgoing.end(rows(0, 20))
  await new Promise((resolve) => insert.outgoing.once('finish', resolve))
  await askUntil(server.url, running('left'), (count) => count === '1')
  insert.outgoing.destroy()
  await askUntil(server.url, running('left'), (count) => count === '0')
  expect(await ask(server.url, `SELECT count() FROM ${name}`)).toBe('20')
})

test('KILL QUERY ends an insert that waits for its body: 394, no rows', async () => {
  const name = await table('killed')
  const insert = openPost(server.url, {
    query: `INSERT INTO ${name} FORMAT TSV`,
    log_comment: 'killed',
    async_insert: 0,
  })
  insert.outgoing.write(rows(0, 100))
  await askUntil(server.url, running('killed'), (count) => count === '1')
  await ask(server.url, "KILL QUERY WHERE Settings['log_comment'] = 'killed'")
  if (server.real) insert.outgoing.end()
  const { status, headers } = await insert.answer
  expect([status, headers['x-clickhouse-exception-code']]).toEqual([500, '394'])
  expect(await ask(server.url, `SELECT count() FROM ${name}`)).toBe('0')
})

test('an insert that stalls longer than http_receive_timeout fails with nothing inserted', async () => {
  const name = await table('stalled')
  const parameters = { query: `INSERT INTO ${name} FORMAT TSV`, http_receive_timeout: 1, async_insert: 0 }
  const insert = openPost(server.url, parameters)
  insert.outgoing.write(rows(0, 100))
  const { status } = await insert.answer
  expect(status).toBeGreaterThanOrEqual(500)
  insert.outgoing.destroy()
  expect(await ask(server.url, `SELECT count() FROM ${name}`)).toBe('0')
})

test('statement and rows share one body, with the boundary inside strings and comments respected', async () => {
  await ask(
    server.url,
    'CREATE OR REPLACE TABLE mixed (`a FORMAT b` UInt64, s String) ENGINE = MergeTree ORDER BY tuple()',
  )
  const statement =
    'INSERT /* FORMAT CSV */ INTO mixed -- VALUES\n(`a FORMAT b`, s) SETTINGS max_threads = 1 FORMAT TSV\n'
  expect((await post(server.url, {}, `${statement}1\tone\n2\ttwo\n`)).status).toBe(200)
  expect(
    (await post(server.url, {}, "INSERT INTO mixed VALUES (3, 'FORMAT TSV'), (4, 'it''s')")).status,
  ).toBe(200)
  const split = await post(
    server.url,
    { query: 'INSERT INTO mixed FORMAT JSONEachRow' },
    '{"a FORMAT b":5,"s":"é"}',
  )
  expect(split.status).toBe(200)
  expect(await ask(server.url, 'SELECT groupArray(s) FROM (SELECT s FROM mixed ORDER BY 1)')).toBe(
    "['FORMAT TSV','it\\'s','one','two','é']",
  )
})

test('an insert refused by a subquery guard stores nothing, however long its body', async () => {
  const name = await table('guarded')
  const query = `INSERT INTO ${name} SELECT a FROM input('a UInt64') WHERE throwIf((SELECT 1) = 1) = 0 FORMAT TSV`
  const { status, headers } = await post(server.url, { query, async_insert: 0 }, rows(0, 200_000))
  expect([status, headers['x-clickhouse-exception-code']]).toEqual([500, '395'])
  expect(await ask(server.url, `SELECT count() FROM ${name}`)).toBe('0')
})

test('inserts that are refused before they read anything are answered, each of many', async () => {
  for (let round = 0; round < 15; round++) {
    const statuses = await Promise.all(
      Array.from(
        { length: 20 },
        async () => (await post(server.url, { query: 'INSERT INTO nope FORMAT TSV' }, '1\n')).status,
      ),
    )
    expect(new Set(statuses)).toEqual(new Set([404]))
  }
})
