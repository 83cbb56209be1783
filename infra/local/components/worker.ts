import { fileURLToPath } from 'node:url'
import { STARTING } from '../../../consumers/worker-health.ts'
import { WORKER_LAUNCH } from '../worker-launch.ts'
import { type Component, component } from './component.ts'

export interface WorkerOptions {
  readonly kind: 'hot' | 'cold'
  readonly env: Readonly<Record<string, string | undefined>>
  readonly port: number
  readonly dataDir: string
  readonly logFile: string
}

const STOP_SECONDS = 30

/** A worker as production runs it: its main file, configured by its environment. `stop` drains it. */
export function workerComponent({ kind, env, port, dataDir, logFile }: WorkerOptions): Component {
  return component({
    name: `${kind} worker`,
    command: process.execPath,
    args: [
      ...WORKER_LAUNCH[kind].nodeFlags,
      fileURLToPath(new URL(`../../../consumers/${kind}-main.ts`, import.meta.url)),
    ],
    env: {
      ...WORKER_LAUNCH[kind].env,
      ...env,
      DAYBOOK_HTTP_HOST: '127.0.0.1',
      DAYBOOK_HTTP_PORT: String(port),
    },
    cwd: dataDir,
    logFile,
    graceSeconds: STOP_SECONDS,
    probe: () => started(port),
  })
}

/**
 * Not that it is ready: a partition that stands still (`daybook status` says why) is no reason to start nothing. But a
 * worker that still waits for its servers may yet end because of what they say.
 */
async function started(port: number): Promise<void> {
  const [live, ready] = await Promise.all([
    fetch(`http://127.0.0.1:${port}/healthz`),
    fetch(`http://127.0.0.1:${port}/readyz`),
  ])
  if (!live.ok) throw new Error(await live.text())
  const { failing }: { failing: readonly { reason: string }[] } = JSON.parse(await ready.text())
  if (failing.some(({ reason }) => reason === STARTING)) throw new Error(JSON.stringify(failing))
}

/**
 * Whether a worker has taken in so many records, by its own metrics, or all there are: one that was started again has
 * begun to count anew. False while it does not answer.
 */
export async function hasFetched(port: number, records: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => null)
  if (answer === null) return false
  const lines = (await answer.text()).split('\n')
  const values = (name: string) =>
    lines
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)))
  const sum = (name: string) => values(name).reduce((total, value) => total + value, 0)
  if (sum('daybook_fetched_records_total') >= records) return true
  const lags = values('daybook_lag_offsets')
  const assigned = sum('daybook_assigned_partitions')
  return assigned > 0 && lags.length >= assigned && lags.every((lag) => lag === 0)
}
