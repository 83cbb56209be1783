import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHotClients } from '../../../consumers/hot/clickhouse/client.ts'
import { type StartedClickHouse, startClickHouse } from '../../../infra/local/clickhouse/start.ts'
import { migrate } from '../../../operations/migrate.ts'
import { readMigrations } from '../../../operations/migrations.ts'
import { ask, post } from '../../support/clickhouse/http.ts'
import { hotSink } from '../../support/hot/database.ts'
import { eventRange } from '../../support/hot/events.ts'
import { hotHarness } from '../../support/hot/harness.ts'
import { sinkContract } from '../sink-suite.ts'

/** The role and the tables that processes meet: migrated by one engine, served by another with the real grants. */
let dataDir: string
let server: StartedClickHouse
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'daybook-append-only-'))
  const migrator = await startClickHouse({ dataDir, role: 'migrator' })
  await migrate({ url: migrator.url, user: 'default', password: '', migrations: await readMigrations() })
  await migrator.close()
  server = await startClickHouse({ dataDir, role: 'serving' })
}, 60_000)
afterAll(async () => {
  await server.close()
  await rm(dataDir, { recursive: true, force: true })
})

const DATABASE = 'daybook'
const clients = () => createHotClients({ url: server.url, user: 'default', password: '' })
const servingSink = (o: Parameters<typeof hotSink>[1] = {}) =>
  hotSink({ name: DATABASE }, { clients: clients(), ...o })

async function rows<Row>(query: string): Promise<Row[]> {
  const text = await ask(server.url, `${query.replaceAll('{db}', DATABASE)} FORMAT JSONEachRow`)
  return text === '' ? [] : text.split('\n').map((line): Row => JSON.parse(line))
}

sinkContract('the hot sink under the serving role', async () =>
  hotHarness({ rows, sink: (failpoints) => servingSink({ failpoints }) }),
)

const TABLES = ['events', 'gaps', 'fence', 'topics', 'superseded', 'accepted_losses', 'migrations']
const REWRITES = [
  'ALTER TABLE {t} DELETE WHERE 1',
  'DELETE FROM {t} WHERE 1',
  'ALTER TABLE {t} DROP PARTITION ALL',
  'ALTER TABLE {t} DETACH PARTITION ALL',
  'ALTER TABLE {t} ADD COLUMN forged String',
  'ALTER TABLE {t} RESET SETTING fsync_after_insert',
  'TRUNCATE TABLE {t}',
  'DROP TABLE {t}',
  'DETACH TABLE {t}',
  'RENAME TABLE {t} TO daybook.gone',
  'OPTIMIZE TABLE {t} FINAL',
  'CREATE OR REPLACE TABLE {t} (x UInt8) ENGINE = Memory',
]
const OTHER_REWRITES = [
  "ALTER TABLE daybook.events UPDATE action = 'forged' WHERE 1",
  'UPDATE daybook.events SET action = 1 WHERE 1',
  'ALTER TABLE daybook.events MODIFY TTL toDateTime(_received_at) + INTERVAL 1 SECOND',
  'ALTER TABLE daybook.events MATERIALIZE TTL',
  'ALTER TABLE daybook.events DROP PROJECTION by_offset',
  'EXCHANGE TABLES daybook.events AND daybook.gaps',
  'CREATE TABLE daybook.other (x UInt8) ENGINE = MergeTree ORDER BY x',
  'CREATE VIEW daybook.other AS SELECT 1',
  'CREATE OR REPLACE VIEW daybook.audit AS SELECT * FROM daybook.events WHERE 0',
  'DROP VIEW daybook.audit',
  'DROP DATABASE daybook',
  'CREATE DATABASE other',
  'SYSTEM STOP MERGES daybook.events',
  'GRANT ALL ON *.* TO default',
  "INSERT INTO daybook.migrations (name) VALUES ('forged')",
  "INSERT INTO FUNCTION file('forged.tsv', 'TSV', 'x UInt8') VALUES (1)",
  "INSERT INTO FUNCTION s3('http://127.0.0.1:1/bucket/key.tsv', 'TSV', 'x UInt8') VALUES (1)",
]

describe('the role of processes that serve', () => {
  const topicId = randomUUID()
  const partition = { topic: `t-${topicId}`, topicId, partition: 0 }
  const held = () => rows(`SELECT * FROM {db}.audit WHERE _topic_id = '${topicId}' ORDER BY _offset`)
  let before: unknown[]
  beforeAll(async () => {
    const sink = servingSink()
    const claim = await sink.claim(partition, new AbortController().signal)
    await sink.deliver([{ claim, range: eventRange(partition, 0n, 20) }], new AbortController().signal)
    await sink.close()
    before = await held()
    expect(before.length).toBe(20)
  })

  const statements = [
    ...TABLES.flatMap((table) => REWRITES.map((sql) => sql.replace('{t}', `daybook.${table}`))),
    ...OTHER_REWRITES,
  ]
  it.each(statements)('is refused by the engine: %s', async (sql) => {
    const { headers, body } = await post(server.url, {}, sql)
    expect(headers['x-clickhouse-exception-code'], body.toString()).toBe('497')
  })

  it('has the rows as they were written', async () => {
    expect(await held()).toEqual(before)
  })
})
