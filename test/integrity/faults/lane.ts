import type { Failpoint } from '../../../runtime/failpoints.ts'
import { type Cell, cellName, type WorkerKind } from './plan.ts'
import type { WorkerProcess } from './worker-process.ts'

/** What a lane needs of the world: to start workers of its kind, and to cut their connections. */
export interface Fleet {
  /** The running workers of this kind, oldest first. */
  workers(kind: WorkerKind): readonly WorkerProcess[]
  start(kind: WorkerKind, armed?: Failpoint): Promise<WorkerProcess>
  /** SIGTERM, and waits for the end. */
  retire(worker: WorkerProcess): Promise<void>
  /** Resets every connection of the workers of this kind to Kafka and to their store. */
  dropConnections(kind: WorkerKind): void
}

export interface LaneOptions {
  readonly kind: WorkerKind
  readonly cells: readonly Cell[]
  readonly fleet: Fleet
  /** How long to wait for a process to reach its failpoint. */
  readonly reachMs: number
  /** Longer than the group's session time-out and every other time-out of a worker. */
  readonly stopMs: number
  readonly log: (line: string) => void
}

const MOST_WORKERS = 3

/** Commits the cells of one kind of worker one after the other. Returns the names of those that were seen. */
export async function runLane(options: LaneOptions): Promise<string[]> {
  const seen: string[] = []
  for (const cell of options.cells) {
    if (await commitFault(cell, options)) seen.push(cellName(cell))
    else options.log(`not reached: ${cellName(cell)}`)
    await keepFleet(options)
  }
  return seen
}

/** These are passed once an assignment, so a joining worker is armed before it starts. */
const AT_ASSIGNMENT: ReadonlySet<Failpoint> = new Set([
  'fence.before',
  'fence.after',
  'tip.before',
  'tip.after',
])

async function commitFault(cell: Cell, options: LaneOptions): Promise<boolean> {
  const worker = await victim(cell, options)
  try {
    await worker.reach(cell.failpoint, AbortSignal.timeout(options.reachMs))
  } catch {
    worker.release(cell.failpoint)
    return false
  }
  switch (cell.fault) {
    case 'kill':
      worker.signal('SIGKILL')
      await worker.ended
      break
    case 'stop':
      worker.signal('SIGSTOP')
      await new Promise((resolve) => setTimeout(resolve, options.stopMs))
      worker.signal('SIGCONT')
      worker.release(cell.failpoint)
      break
    case 'drop':
      options.fleet.dropConnections(cell.worker)
      worker.release(cell.failpoint)
      break
  }
  return true
}

async function victim(cell: Cell, { fleet }: LaneOptions): Promise<WorkerProcess> {
  const running = fleet.workers(cell.worker).filter((worker) => worker.running())
  const first = running[0]
  if (first !== undefined && !AT_ASSIGNMENT.has(cell.failpoint)) return first
  return fleet.start(cell.worker, cell.failpoint)
}

/** Two workers of each kind, so that a fault always has somebody to take over; never more than three. */
async function keepFleet({ kind, fleet }: LaneOptions): Promise<void> {
  const running = fleet.workers(kind).filter((worker) => worker.running())
  for (let missing = 2 - running.length; missing > 0; missing--) await fleet.start(kind)
  const oldest = running[0]
  if (running.length >= MOST_WORKERS && oldest !== undefined) await fleet.retire(oldest)
}
