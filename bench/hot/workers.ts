import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../infra/local/ports.ts'
import { supervise } from '../../infra/local/supervise.ts'
import { WORKER_LAUNCH } from '../../infra/local/worker-launch.ts'
import { cpuMicrosOf } from '../measure/cpu.ts'
import type { Arena, Contestant, Run } from './contest.ts'

/** The hot worker as production runs it. */
export const ours: Contestant = workerContestant('ours', '../../consumers/hot-main.ts')

/** The same worker, but each event is decoded and sent as a line of JSON. */
export const decodeJson: Contestant = workerContestant('decodeJson', './decode-json/main.ts')

const GRACE_SECONDS = 30

function workerContestant(name: string, main: string): Contestant {
  return {
    name,
    run: (arena) => runWorkerProcess(name, fileURLToPath(new URL(main, import.meta.url)), arena),
  }
}

async function runWorkerProcess(name: string, main: string, { stack, table, events }: Arena): Promise<Run> {
  const port = await freePort()
  const engineBefore = table.engineCpuMicros()
  const startedAt = performance.now()
  const worker = await supervise({
    name,
    command: process.execPath,
    args: [...WORKER_LAUNCH.hot.nodeFlags, main],
    env: {
      ...WORKER_LAUNCH.hot.env,
      ...stack.env,
      DAYBOOK_HTTP_PORT: String(port),
      NODE_OPTIONS: process.env['BENCH_NODE_OPTIONS'],
    },
    cwd: stack.dataDir,
    logFile: join(stack.stack.logDir, `${name}.log`),
    graceSeconds: GRACE_SECONDS,
  })
  try {
    const readyAt = await Promise.race([
      answering(port),
      worker.exited.then((status) => failed(name, status)),
    ])
    await Promise.race([table.until(events), worker.exited.then((status) => failed(name, status))])
    const endedAt = performance.now()
    return {
      seconds: (endedAt - startedAt) / 1_000,
      secondsAfterStart: (endedAt - readyAt) / 1_000,
      workerCpuMicros: cpuMicrosOf(worker.pid),
      engineCpuMicros: table.engineCpuMicros() - engineBefore,
    }
  } finally {
    await worker.stop()
  }
}

/** When the worker's health server first answered: it listens right before the group is joined. */
async function answering(port: number): Promise<number> {
  for (;;) {
    const answered = await fetch(`http://127.0.0.1:${port}/healthz`).then(
      () => true,
      () => false,
    )
    if (answered) return performance.now()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function failed(name: string, status: number): never {
  throw new Error(`${name} ended with status ${status}`)
}
