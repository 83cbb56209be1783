import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../infra/local/ports.ts'
import { type Supervised, supervise } from '../../infra/local/supervise.ts'
import { WORKER_LAUNCH } from '../../infra/local/worker-launch.ts'
import type { BenchStack } from '../measure/bench-stack.ts'
import { cpuMicrosOf } from '../measure/cpu.ts'
import { untilDelivered, workerMetric } from '../measure/delivered.ts'

/** A cold worker as production runs it, its CPU time and what it says of its work. */
export interface ColdWorker {
  cpuMicros(): number
  /** Resolves when so many records are in the archive, by the worker's own count. */
  delivered(records: number): Promise<void>
  stop(): Promise<void>
}

const MAIN = fileURLToPath(new URL('../../consumers/cold-main.ts', import.meta.url))
/** Objects are closed by rows; what is left at the end is closed by age. */
const CUT_AGE_MS = 5_000
const POLL_MS = 250

/** Resolves when the worker is ready: it has joined its group and is healthy. */
export async function startColdWorker(
  { stack, dataDir }: Pick<BenchStack, 'stack' | 'dataDir'>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ColdWorker> {
  const port = await freePort()
  const worker = await supervise({
    name: 'cold worker',
    command: process.execPath,
    args: [...WORKER_LAUNCH.cold.nodeFlags, MAIN],
    env: {
      ...WORKER_LAUNCH.cold.env,
      ...env,
      DAYBOOK_HTTP_PORT: String(port),
      DAYBOOK_CUT_AGE_MS: String(CUT_AGE_MS),
      NODE_OPTIONS: process.env['BENCH_NODE_OPTIONS'],
    },
    cwd: dataDir,
    logFile: join(stack.logDir, 'cold.log'),
    graceSeconds: 30,
  })
  await ready(worker, port)
  return {
    cpuMicros: () => cpuMicrosOf(worker.pid),
    delivered: (records) => Promise.race([untilDelivered(port, records), worker.exited.then(ended)]),
    stop: async () => {
      await worker.stop()
    },
  }
}

async function ready(worker: Supervised, port: number): Promise<void> {
  for (;;) {
    if (!worker.running()) ended(await worker.exited)
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null)
    if (answer?.ok === true && (await workerMetric(port, 'daybook_assigned_partitions')) > 0) return
    await sleep(POLL_MS)
  }
}

function ended(status: number): never {
  throw new Error(`the cold worker ended with status ${status}`)
}
