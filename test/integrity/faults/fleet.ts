import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Failpoint } from '../../../runtime/failpoints.ts'
import type { Fleet } from './lane.ts'
import type { WorkerKind } from './plan.ts'
import type { Ground } from './topics.ts'
import { startWorker, type WorkerProcess } from './worker-process.ts'
import type { World } from './world.ts'

/** All worker processes of one run. */
export interface RunFleet extends Fleet {
  /** Ends all of a kind, or all: SIGTERM, and waits. */
  retireAll(kind?: WorkerKind): Promise<void>
  /** Exit codes and signals of workers that ended by themselves, with no signal from the harness. */
  unexpectedEnds(): readonly string[]
  /** From now on workers of this kind are started with these settings on top. */
  vary(kind: WorkerKind, env: Readonly<Record<string, string>>): void
}

const MAIN: Readonly<Record<WorkerKind, string>> = {
  hot: fileURLToPath(new URL('../../../consumers/hot-main.ts', import.meta.url)),
  cold: fileURLToPath(new URL('../../../consumers/cold-main.ts', import.meta.url)),
}
const RETIRE_MS = 15_000

export function createFleet(world: World, ground: Ground): RunFleet {
  const workers: WorkerProcess[] = []
  const unexpected: string[] = []
  const variation = new Map<WorkerKind, Readonly<Record<string, string>>>()
  const asked = new WeakSet<WorkerProcess>()
  let started = 0

  const start = async (kind: WorkerKind, armed?: Failpoint): Promise<WorkerProcess> => {
    const worker = await startWorker({
      kind,
      main: MAIN[kind],
      env: { ...ground.env(kind), ...variation.get(kind) },
      logFile: join(world.directory, `${ground.bucket}-${kind}-${++started}.log`),
      ...(armed === undefined ? {} : { armed }),
    })
    workers.push(worker)
    void worker.ended.then((how) => {
      if (!asked.has(worker) && how !== 'SIGKILL') unexpected.push(`${kind} ended with ${how}`)
    })
    return worker
  }
  const retire = async (worker: WorkerProcess): Promise<void> => {
    asked.add(worker)
    worker.signal('SIGTERM')
    worker.signal('SIGCONT')
    const timer = setTimeout(() => worker.signal('SIGKILL'), RETIRE_MS)
    await worker.ended
    clearTimeout(timer)
  }
  return {
    start,
    retire,
    workers: (kind) => workers.filter((worker) => worker.kind === kind && worker.running()),
    dropConnections: (kind) => {
      world.proxies.kafka[kind].drop()
      const store = kind === 'hot' ? world.proxies.clickhouse : world.proxies.s3
      store.drop()
    },
    retireAll: async (kind) => {
      const ending = workers.filter(
        (worker) => worker.running() && (kind === undefined || worker.kind === kind),
      )
      await Promise.all(ending.map(retire))
    },
    unexpectedEnds: () => unexpected,
    vary: (kind, env) => {
      variation.set(kind, env)
    },
  }
}
