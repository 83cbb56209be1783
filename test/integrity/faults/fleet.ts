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
  killAll(): Promise<void>
  /** This worker is meant to stop partitions by these codes. */
  expectStops(worker: WorkerProcess, codes: readonly string[]): void
  /** How often a worker ended because something was out of reach and another was started in its place. */
  restarts(): number
  /** Workers that ended by themselves or stopped a partition, and for no good reason. */
  unexpectedEnds(): readonly string[]
  /** Ends all and starts none again. */
  close(): Promise<void>
  /** From now on workers of this kind are started with these settings on top. */
  vary(kind: WorkerKind, env: Readonly<Record<string, string>>): void
}

const MAIN: Readonly<Record<WorkerKind, string>> = {
  hot: fileURLToPath(new URL('../../../consumers/hot-main.ts', import.meta.url)),
  cold: fileURLToPath(new URL('../../../consumers/cold-main.ts', import.meta.url)),
}
const RETIRE_MS = 15_000
/** "A dependency could not be reached for too long: a restart is the cure" (docs/operate). */
const EXIT_UNAVAILABLE = 75

/** `mains` replaces main files, for workers that are broken on purpose. */
export function createFleet(
  world: World,
  ground: Ground,
  mains: Partial<Record<WorkerKind, string>> = {},
): RunFleet {
  const workers: WorkerProcess[] = []
  const unexpected: string[] = []
  const variation = new Map<WorkerKind, Readonly<Record<string, string>>>()
  const asked = new WeakSet<WorkerProcess>()
  const expectedStops = new WeakMap<WorkerProcess, readonly string[]>()
  let started = 0
  let restarts = 0
  let isOver = false

  const start = async (kind: WorkerKind, armed?: Failpoint): Promise<WorkerProcess> => {
    const worker = await startWorker({
      kind,
      main: mains[kind] ?? MAIN[kind],
      env: { ...ground.env(kind), ...variation.get(kind) },
      logFile: join(world.directory, `${ground.bucket}-${kind}-${++started}.log`),
      ...(armed === undefined ? {} : { armed }),
    })
    workers.push(worker)
    void worker.ended.then((how) => {
      if (asked.has(worker) || how === 'SIGKILL') return
      if (how !== EXIT_UNAVAILABLE) unexpected.push(`${kind} ended with ${how}: ${worker.lastWords()}`)
      else if (!isOver) {
        restarts++
        void start(kind)
      }
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
      const store = kind === 'hot' ? world.proxies.clickhouse : world.proxies.s3
      const proxies = [world.proxies.kafka[kind], store]
      const open = proxies.reduce((sum, proxy) => sum + proxy.open, 0)
      for (const proxy of proxies) proxy.drop()
      return open
    },
    expectStops: (worker, codes) => {
      expectedStops.set(worker, codes)
    },
    restarts: () => restarts,
    close: async () => {
      isOver = true
      await Promise.all(workers.filter((worker) => worker.running()).map(retire))
    },
    killAll: async () => {
      const ending = workers.filter((worker) => worker.running())
      for (const worker of ending) worker.signal('SIGKILL')
      await Promise.all(ending.map((worker) => worker.ended))
    },
    retireAll: async (kind) => {
      const ending = workers.filter(
        (worker) => worker.running() && (kind === undefined || worker.kind === kind),
      )
      await Promise.all(ending.map(retire))
    },
    unexpectedEnds: () => [
      ...unexpected,
      ...workers.flatMap((worker) => {
        const codes = worker.stops().filter((code) => expectedStops.get(worker)?.includes(code) !== true)
        return codes.length === 0 ? [] : [`${worker.kind} stopped a partition: ${codes.join(', ')}`]
      }),
    ],
    vary: (kind, env) => {
      variation.set(kind, env)
    },
  }
}
