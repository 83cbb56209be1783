import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { migrateHotStore } from '../../../operations/event-schema.ts'
import { startClickHouse } from '../clickhouse/start.ts'
import { type Component, component } from './component.ts'

const MAIN = fileURLToPath(new URL('../clickhouse/main.ts', import.meta.url))

/** `serving`: the tables are brought forward first, then the engine itself refuses whatever could change history. */
export type ClickHouseRole = 'migrator' | 'serving'

export interface ClickHouseOptions {
  readonly dataDir: string
  readonly logFile: string
  readonly port: number
  readonly role: ClickHouseRole
}

/** ClickHouse's HTTP interface over the engine in a process. */
export function clickHouseComponent(options: ClickHouseOptions): Component {
  const { dataDir, port, role } = options
  return component({
    name: 'clickhouse',
    command: process.execPath,
    args: [MAIN, '--data', dataDir, '--port', String(port), '--role', role],
    env: process.env,
    cwd: dataDir,
    logFile: options.logFile,
    graceSeconds: 15,
    ...(role === 'serving' ? { prepare: () => migrate(dataDir) } : {}),
    probe: async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/?query=SELECT%201`)
      if (!answer.ok) throw new Error(`status ${answer.status}`)
    },
  })
}

/** One process at a time may have the data directory, so migrations have their own before the one that serves. */
async function migrate(dataDir: string): Promise<void> {
  const migrator = await startClickHouse({ dataDir: join(dataDir), role: 'migrator' })
  try {
    await migrateHotStore({ url: migrator.url, user: 'default', password: '' })
  } finally {
    await migrator.close()
  }
}
