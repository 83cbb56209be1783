import { randomBytes } from 'node:crypto'
import type { ClickHouseClient } from '@clickhouse/client'
import type { PartitionRef, Quarantine, Quarantined, Sink } from '../../../consumers/engine/contracts.ts'
import { createHotClients } from '../../../consumers/hot/clickhouse/client.ts'
import { createHotSink, type HotSinkOptions } from '../../../consumers/hot/sink.ts'
import { migrate } from '../../../operations/migrate.ts'
import { readMigrations } from '../../../operations/migrations.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { noFailpoints } from '../../../runtime/failpoints.ts'
import { testStack } from '../stack.ts'
import { eventSchema } from './events.ts'

/** A migrated hot database of its own. */
export interface HotDatabase {
  readonly name: string
  readonly client: ClickHouseClient
  rows<Row>(query: string): Promise<Row[]>
  /** The first column of the first row, as a number. */
  number(query: string): Promise<number>
  drop(): Promise<void>
}

export async function hotDatabase(): Promise<HotDatabase> {
  const { url, user, password } = testStack().clickhouse
  const name = `hot_${randomBytes(4).toString('hex')}`
  await migrate({ url, user, password, database: name, migrations: await readMigrations() })
  const clients = createHotClients({ url, user, password })
  const { client } = clients
  const rows = async <Row>(query: string) => {
    const result = await client.query({ query: query.replaceAll('{db}', name), format: 'JSONEachRow' })
    return result.json<Row>()
  }
  return {
    name,
    client,
    rows,
    number: async (query) => {
      const [row] = await rows<Record<string, unknown>>(query)
      return Number(Object.values(row ?? {})[0])
    },
    drop: async () => {
      await client.command({ query: `DROP DATABASE IF EXISTS ${name}` })
      await Promise.all([client.close(), clients.inserts.close()])
    },
  }
}

/** Keeps what it is given. */
export class MemoryQuarantine implements Quarantine {
  readonly items: { readonly partition: PartitionRef; readonly item: Quarantined }[] = []

  async put(partition: PartitionRef, items: readonly Quarantined[]): Promise<void> {
    for (const item of items) this.items.push({ partition, item })
  }

  /** What was given record by record. */
  get records() {
    return this.items.flatMap(({ item }) => (item.kind === 'record' ? [item] : []))
  }
}

export function hotSink(database: { readonly name: string }, o: Partial<HotSinkOptions> = {}): Sink {
  const { url, user, password } = testStack().clickhouse
  const table = eventSchema()
  return createHotSink({
    clients: createHotClients({ url, user, password }),
    database: database.name,
    schemas: { table, schemaOf: () => table },
    quarantine: new MemoryQuarantine(),
    clock: systemClock,
    failpoints: noFailpoints,
    patienceMs: 300,
    ...o,
  })
}
