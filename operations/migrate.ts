import { createHash } from 'node:crypto'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { DaybookError } from '../schemas/errors.ts'
import { splitStatements, withDatabase } from '../schemas/sql/split.ts'

/** A SQL file of schemas/sql. Names sort in the order in which they run; a released file never changes. */
export interface Migration {
  readonly name: string
  readonly sql: string
}

export interface MigrateOptions {
  readonly url: string
  readonly user: string
  readonly password: string
  readonly database?: string
  readonly migrations: readonly Migration[]
  /** Who runs it, for the record. */
  readonly by?: string
}

export interface MigrateResult {
  /** Names of the files that ran now. */
  readonly applied: readonly string[]
  /** Names of those that had run before. */
  readonly known: readonly string[]
}

interface Done {
  readonly name: string
  readonly checksum: string
  readonly state: 'begun' | 'done'
}

const DEFAULT_DATABASE = 'daybook'

/**
 * Runs the migrations that did not run yet; there is no way back. A file that ran is known by name and checksum; one that was begun but
 * not finished runs again from its first statement that has no effect yet, so files are written with statements that
 * fail when repeated only with "exists already" (57, 82), which is then taken as done.
 *
 * Two that run at the same time both try; ClickHouse lets one of them create each object, and the other goes on.
 *
 * @throws DaybookError DAYBOOK_MIGRATE_CHANGED, DAYBOOK_MIGRATE_UNKNOWN, DAYBOOK_MIGRATE_FAILED
 */
export async function migrate(o: MigrateOptions): Promise<MigrateResult> {
  const database = o.database ?? DEFAULT_DATABASE
  const client = createClient({
    ...{ url: o.url, username: o.user, password: o.password },
    log: { level: ClickHouseLogLevel.OFF },
  })
  const command = (query: string) => client.command({ query, clickhouse_settings: { wait_end_of_query: 1 } })
  try {
    await command(`CREATE DATABASE IF NOT EXISTS ${database}`)
    await command(LEDGER.replace('DATABASE', database))
    const result = await client.query({
      query: `SELECT name, argMax(m.checksum, (at, m.state)) AS checksum, max(m.state)::String AS state FROM ${database}.migrations AS m GROUP BY name ORDER BY name`,
      format: 'JSONEachRow',
    })
    const done = new Map((await result.json<Done>()).map((row) => [row.name, row]))
    const todo = o.migrations.filter((migration) => pending(migration, done))
    refuseUnknown(o.migrations, done)
    for (const migration of todo) {
      const record = (state: Done['state']) =>
        client.insert({
          table: `${database}.migrations`,
          values: [
            {
              name: migration.name,
              checksum: checksumOf(migration),
              state,
              by: o.by ?? o.user,
              at: Date.now(),
            },
          ],
          format: 'JSONEachRow',
          clickhouse_settings: { async_insert: 0, wait_end_of_query: 1 },
        })
      await record('begun')
      await run(migration, database, command)
      await record('done')
    }
    const applied = todo.map((migration) => migration.name)
    return { applied, known: [...done.keys()].filter((name) => !applied.includes(name)) }
  } finally {
    await client.close()
  }
}

/** What ran, when, by whom. */
const LEDGER = `CREATE TABLE IF NOT EXISTS DATABASE.migrations
(name String, checksum String, state Enum8('begun' = 1, 'done' = 2), by String, at DateTime64(3, 'UTC'))
ENGINE = MergeTree ORDER BY (name, at) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`

/** TABLE_ALREADY_EXISTS, DATABASE_ALREADY_EXISTS, DUPLICATE_COLUMN: the statement took effect in an earlier attempt. */
const DONE_BEFORE: ReadonlySet<string> = new Set(['57', '82', '15'])

async function run(
  migration: Migration,
  database: string,
  command: (query: string) => Promise<unknown>,
): Promise<void> {
  for (const [index, statement] of splitStatements(withDatabase(migration.sql, database)).entries()) {
    try {
      await command(statement)
    } catch (cause) {
      if (DONE_BEFORE.has(codeOf(cause))) continue
      throw new DaybookError(
        'DAYBOOK_MIGRATE_FAILED',
        `Statement ${index + 1} of ${migration.name} failed. Statements before it have run; correct the cause and run it again.`,
        { cause, details: { file: migration.name, statement: index + 1 } },
      )
    }
  }
}

function pending(migration: Migration, done: ReadonlyMap<string, Done>): boolean {
  const before = done.get(migration.name)
  if (before === undefined) return true
  if (before.checksum === checksumOf(migration)) return before.state !== 'done'
  throw new DaybookError(
    'DAYBOOK_MIGRATE_CHANGED',
    `${migration.name} is not the file that ran on this database. Restore it and put the change into a new file.`,
    { details: { file: migration.name } },
  )
}

function refuseUnknown(migrations: readonly Migration[], done: ReadonlyMap<string, Done>): void {
  const names = new Set(migrations.map((migration) => migration.name))
  for (const name of done.keys()) {
    if (names.has(name)) continue
    throw new DaybookError(
      'DAYBOOK_MIGRATE_UNKNOWN',
      `The database has ${name}, which this version does not know: it is of a newer version. Use that one.`,
      { details: { file: name } },
    )
  }
}

function checksumOf(migration: Migration): string {
  return createHash('sha256').update(migration.sql).digest('hex')
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
