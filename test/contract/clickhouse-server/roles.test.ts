import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type StartedClickHouse, startClickHouse } from '../../../infra/local/clickhouse/start.ts'
import { ask, post } from '../../support/clickhouse/http.ts'

let dataDir: string
let server: StartedClickHouse
const AUDITOR = { user: 'auditor', password: 'seen' }

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'daybook-clickhouse-'))
  const migrator = await startClickHouse({ dataDir, role: 'migrator' })
  await ask(migrator.url, 'CREATE DATABASE daybook')
  await ask(migrator.url, 'CREATE TABLE daybook.events (a UInt64) ENGINE = MergeTree ORDER BY a')
  await ask(migrator.url, 'INSERT INTO daybook.events VALUES (1)')
  await migrator.close()
  server = await startClickHouse({ dataDir, role: 'serving', password: 'pw', auditor: AUDITOR })
})
afterAll(async () => {
  await server.close()
  await rm(dataDir, { recursive: true, force: true })
})

const DEFAULT = { user: 'default', password: 'pw' }

test.each([
  'ALTER TABLE daybook.events DELETE WHERE 1',
  'ALTER TABLE daybook.events UPDATE a = 2 WHERE 1',
  'DELETE FROM daybook.events WHERE 1',
  'TRUNCATE TABLE daybook.events',
  'DROP TABLE daybook.events',
  'ALTER TABLE daybook.events DROP PARTITION tuple()',
  'CREATE TABLE daybook.other (a UInt64) ENGINE = Memory',
  'RENAME TABLE daybook.events TO daybook.gone',
])('the engine refuses the serving role: %s', async (sql) => {
  const { headers } = await post(server.url, DEFAULT, sql)
  expect(headers['x-clickhouse-exception-code']).toBe('497')
})

test('the serving role inserts, reads, looks at queries and kills them', async () => {
  await ask(server.url, "INSERT INTO daybook.events SELECT a FROM input('a UInt64') FORMAT TSV\n2\n", DEFAULT)
  expect(
    await ask(server.url, 'SELECT groupArray(a) FROM (SELECT a FROM daybook.events ORDER BY a)', DEFAULT),
  ).toBe('[1,2]')
  expect(await ask(server.url, 'SELECT count() > 0 FROM system.processes', DEFAULT)).toBe('1')
  expect(await ask(server.url, "KILL QUERY WHERE query_id = 'nobody'", DEFAULT)).toBe('')
})

test('the auditor reads, writes nothing, and cannot lift his restriction', async () => {
  expect(await ask(server.url, 'SELECT count() > 0 FROM daybook.events', AUDITOR)).toBe('1')
  for (const [sql, settings] of [
    ['INSERT INTO daybook.events VALUES (9)', {}],
    ['INSERT INTO daybook.events FORMAT TSV\n9\n', {}],
    ['SET readonly = 0', {}],
    ['SELECT 1 SETTINGS max_threads = 1', {}],
    ['SELECT 1', { max_threads: 1 }],
    ['SELECT 1', { readonly: 0 }],
  ] as const) {
    const { headers } = await post(server.url, { ...AUDITOR, ...settings }, sql)
    expect(headers['x-clickhouse-exception-code'], sql).toBe('164')
  }
})

test('a second process cannot take the same data directory', async () => {
  await expect(startClickHouse({ dataDir })).rejects.toThrow()
  expect(await ask(server.url, 'SELECT 1', DEFAULT)).toBe('1')
})
