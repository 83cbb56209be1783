import { fileURLToPath } from 'node:url'
import { type Component, component } from './component.ts'

const MAIN = fileURLToPath(new URL('../clickhouse/main.ts', import.meta.url))

export interface ClickHouseOptions {
  readonly dataDir: string
  readonly logFile: string
  readonly port: number
}

/** ClickHouse's HTTP interface over the engine in a process. */
export function clickHouseComponent(options: ClickHouseOptions): Component {
  return component({
    name: 'clickhouse',
    command: process.execPath,
    args: [MAIN, '--data', options.dataDir, '--port', String(options.port)],
    env: process.env,
    cwd: options.dataDir,
    logFile: options.logFile,
    graceSeconds: 15,
    probe: async () => {
      const answer = await fetch(`http://127.0.0.1:${options.port}/?query=SELECT%201`)
      if (!answer.ok) throw new Error(`status ${answer.status}`)
    },
  })
}
