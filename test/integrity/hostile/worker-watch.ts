import { readFileSync } from 'node:fs'
import { freePort } from '../../../infra/local/ports.ts'
import type { WorkerKind } from '../faults/plan.ts'
import { startWorker, type WorkerProcess } from '../faults/worker-process.ts'

/** A worker as production runs it, watched from outside. */
export interface WatchedWorker {
  readonly kind: WorkerKind
  readonly process: WorkerProcess
  /** Asks its HTTP endpoint; status 0 where nothing answers. */
  get(path: '/healthz' | '/readyz' | '/metrics'): Promise<{ readonly status: number; readonly text: string }>
  /** Largest resident memory since the last call, in MB. */
  takePeakMb(): number
  stop(): Promise<void>
}

const SAMPLE_MS = 100
const READY_MS = 60_000

export async function startWatchedWorker(o: {
  readonly kind: WorkerKind
  readonly main: string
  readonly env: Readonly<Record<string, string>>
  readonly logFile: string
}): Promise<WatchedWorker> {
  const port = await freePort()
  const process = await startWorker({ ...o, env: { ...o.env, DAYBOOK_HTTP_PORT: String(port) } })
  let peakMb = 0
  const timer = setInterval(() => {
    peakMb = Math.max(peakMb, residentMb(process.pid))
  }, SAMPLE_MS)
  const get = async (path: string) => {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5_000) })
      return { status: answer.status, text: await answer.text() }
    } catch {
      return { status: 0, text: '' }
    }
  }
  const deadline = Date.now() + READY_MS
  while (!process.logged('partitions assigned')) {
    if (!process.running() || Date.now() > deadline)
      throw new Error(`the ${o.kind} worker does not start: ${process.lastWords()}`)
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS))
  }
  return {
    kind: o.kind,
    process,
    get,
    takePeakMb: () => {
      const taken = Math.max(peakMb, residentMb(process.pid))
      peakMb = 0
      return taken
    },
    stop: async () => {
      clearInterval(timer)
      process.signal('SIGTERM')
      const kill = setTimeout(() => process.signal('SIGKILL'), 30_000)
      await process.ended
      clearTimeout(kill)
    },
  }
}

/** 0 where the process is gone. */
function residentMb(pid: number): number {
  try {
    const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return Math.round(Number(line?.[1] ?? 0) / 1024)
  } catch {
    return 0
  }
}
