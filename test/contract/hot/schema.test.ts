import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventColumns } from '../../../consumers/hot/insert/column-types.ts'
import { migrate } from '../../../operations/migrate.ts'
import { readMigrations } from '../../../operations/migrations.ts'
import { type HotDatabase, hotDatabase } from '../../support/hot/database.ts'
import { eventSchema } from '../../support/hot/events.ts'
import { testStack } from '../../support/stack.ts'

describe('the hot schema', () => {
  let db: HotDatabase
  beforeAll(async () => {
    db = await hotDatabase()
  })
  afterAll(() => db.drop())

  it('has a column for every field of the newest event schema, of the type it is read as', async () => {
    const columns = await db.rows<{ name: string; type: string }>(
      `SELECT name, type FROM system.columns WHERE database = '${db.name}' AND table = 'events' AND NOT startsWith(name, '_') ORDER BY position`,
    )
    const plain = columns.map(({ name, type }) => ({ name, type: withoutLowCardinality(type) }))
    expect(plain).toEqual(eventColumns(eventSchema()))
  })

  it('depends on nothing but the row: no default of a column is random or of its time', async () => {
    const defaults = await db.rows<{ name: string; default_expression: string }>(
      `SELECT name, default_expression FROM system.columns WHERE database = '${db.name}' AND default_kind != ''`,
    )
    expect(defaults.map((column) => column.name)).toEqual(['_ip'])
    expect(defaults[0]?.default_expression).not.toMatch(/now|today|rand|generate|uuid|hostName/i)
  })

  it('finds offsets and ids through projections', async () => {
    const plan = async (query: string) =>
      (await db.rows<{ explain: string }>(`EXPLAIN ${query}`)).map((row) => row.explain).join('\n')
    const ref = `_topic_id = '00000000-0000-0000-0000-000000000001' AND _partition = 0`
    await db.client.command({
      query: `INSERT INTO ${db.name}.events (_topic_id, _partition, _offset, _received_at, event_id, tenant_id, occurred_at) SELECT toUUID('00000000-0000-0000-0000-000000000001'), number % 8, number, now(), generateUUIDv7(number), toString(number % 7), now() FROM numbers(200000)`,
    })
    expect(await plan(`SELECT max(_offset) FROM {db}.events WHERE ${ref}`)).toContain('by_offset')
    expect(
      await plan(
        `SELECT event_id, _topic_id, _partition, _offset FROM {db}.events WHERE toUInt128(event_id) IN (1, 2)`,
      ),
    ).toContain('by_event_id')
  })

  it('runs a migration once, and refuses a changed file and an unknown one', async () => {
    const { url, user, password } = testStack().clickhouse
    const target = { url, user, password, database: db.name }
    const migrations = await readMigrations()
    expect(await migrate({ ...target, migrations })).toMatchObject({ applied: [] })
    const extra = {
      name: '9999-test.sql',
      sql: 'CREATE TABLE daybook.extra (x UInt8) ENGINE = MergeTree ORDER BY x;\n',
    }
    expect(await migrate({ ...target, migrations: [...migrations, extra] })).toMatchObject({
      applied: ['9999-test.sql'],
    })
    const changed = { ...extra, sql: `${extra.sql}-- more` }
    await expect(migrate({ ...target, migrations: [...migrations, changed] })).rejects.toMatchObject({
      code: 'DAYBOOK_MIGRATE_CHANGED',
    })
    await expect(migrate({ ...target, migrations })).rejects.toMatchObject({
      code: 'DAYBOOK_MIGRATE_UNKNOWN',
    })
  })
})

function withoutLowCardinality(type: string): string {
  return type.replace(/LowCardinality\(((?:[^()]|\([^()]*\))*)\)/g, '$1')
}
