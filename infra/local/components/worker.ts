import { fileURLToPath } from 'node:url'
import { type Component, component } from './component.ts'

export interface WorkerOptions {
  readonly kind: 'hot' | 'cold'
  readonly env: Readonly<Record<string, string | undefined>>
  readonly port: number
  readonly dataDir: string
  readonly logFile: string
}

const STOP_SECONDS = 30

/**
 * How a hot worker is started so that it stays small (docs/decisions/hot-insert.md): V8's young generation would grow
 * to 128 MiB, and glibc would keep the buffers of a few MiB that were freed. docker-compose.yml says the same.
 */
export const SMALL_MEMORY = {
  nodeFlags: ['--max-semi-space-size=16'],
  env: { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '4194304', MALLOC_TRIM_THRESHOLD_: '33554432' },
} as const

/** A worker as production runs it: its main file, configured by its environment. `stop` drains it. */
export function workerComponent({ kind, env, port, dataDir, logFile }: WorkerOptions): Component {
  return component({
    name: `${kind} worker`,
    command: process.execPath,
    args: [
      '--disable-warning=TimeoutNegativeWarning',
      ...(kind === 'hot' ? SMALL_MEMORY.nodeFlags : []),
      fileURLToPath(new URL(`../../../consumers/${kind}-main.ts`, import.meta.url)),
    ],
    env: { ...(kind === 'hot' ? SMALL_MEMORY.env : {}), ...env, DAYBOOK_HTTP_PORT: String(port) },
    cwd: dataDir,
    logFile,
    graceSeconds: STOP_SECONDS,
    probe: async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
      if (!answer.ok) throw new Error(await answer.text())
    },
  })
}

/** How many records a worker has taken from Kafka so far, by its own metrics. */
export async function fetchedRecords(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
  const lines = (await answer.text()).split('\n')
  return lines
    .filter((line) => line.startsWith('daybook_fetched_records_total{'))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
