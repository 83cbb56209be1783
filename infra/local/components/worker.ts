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
