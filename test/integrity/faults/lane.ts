import type { Failpoint } from '../../../runtime/failpoints.ts'
import { waitUntil } from '../../../runtime/wait-until.ts'
import { type Cell, cellName, type WorkerKind } from './plan.ts'
import type { WorkerProcess } from './worker-process.ts'

/** What a lane needs of the world: to start workers of its kind, and to cut their connections. */
export interface Fleet {
  /** The running workers of this kind, oldest first. */
  workers(kind: WorkerKind): readonly WorkerProcess[]
  start(kind: WorkerKind, armed?: Failpoint): Promise<WorkerProcess>
  /** SIGTERM, and waits for the end. */
  retire(worker: WorkerProcess): Promise<void>
  /** Resets every connection of the workers of this kind to Kafka and to their store; returns how many. */
  dropConnections(kind: WorkerKind): number
}

export interface LaneOptions {
  readonly kind: WorkerKind
  readonly cells: readonly Cell[]
  readonly fleet: Fleet
  /** How long to wait for a process to reach its failpoint. */
  readonly reachMs: number
  /** How long a stopped worker stands: longer than every time-out that could end its work for it. */
  readonly stopMs: (cell: Cell) => number
  readonly log: (line: string) => void
}

const FULL_FLEET = 2
const MOST_WORKERS = 3
const RETRY_MS = 500

/** Commits the cells of one kind of worker one after the other. Returns the names of those that were seen. */
export async function runLane(options: LaneOptions): Promise<string[]> {
  const seen: string[] = []
  for (const [at, cell] of options.cells.entries()) {
    const startedAt = Date.now()
    const wasSeen = await commitFault(cell, options)
    if (wasSeen) seen.push(cellName(cell))
    const ms = Date.now() - startedAt
    options.log(`${wasSeen ? 'seen' : 'not reached'}: ${cellName(cell)} after ${ms} ms`)
    await keepFleet(options, options.cells[at + 1])
  }
  return seen
}

/** These are passed once an assignment: a worker has to join for them. */
const AT_ASSIGNMENT: ReadonlySet<Failpoint> = new Set([
  'fence.before',
  'fence.after',
  'tip.before',
  'tip.after',
])

async function commitFault(cell: Cell, options: LaneOptions): Promise<boolean> {
  const worker = await firstToReach(cell, options)
  if (worker === null) return false
  let happened = true
  switch (cell.fault) {
    case 'kill':
      worker.signal('SIGKILL')
      await worker.ended
      break
    case 'stop':
      worker.signal('SIGSTOP')
      await new Promise((resolve) => setTimeout(resolve, options.stopMs(cell)))
      worker.signal('SIGCONT')
      break
    case 'drop':
      happened = options.fleet.dropConnections(cell.worker) > 0
      break
  }
  worker.release(cell.failpoint)
  return happened
}

/** Tried again while workers end by themselves: a dependency may be out of reach just now. */
async function firstToReach(cell: Cell, options: LaneOptions): Promise<WorkerProcess | null> {
  const deadline = AbortSignal.timeout(options.reachMs)
  return waitUntil(
    () => raceTo(cell, options.fleet, deadline),
    (first) => first !== null || deadline.aborted,
    { pauseMs: RETRY_MS },
  )
}

/** Every worker is a candidate, the newcomer of an assignment too: the first that stands at the failpoint is it. */
async function raceTo(cell: Cell, fleet: Fleet, deadline: AbortSignal): Promise<WorkerProcess | null> {
  const running = [...fleet.workers(cell.worker)]
  const candidates =
    running.length === 0 || AT_ASSIGNMENT.has(cell.failpoint)
      ? [...running, await fleet.start(cell.worker, cell.failpoint)]
      : running
  const reached = candidates.map(async (worker) => {
    await worker.reach(cell.failpoint, deadline)
    return worker
  })
  const first = await Promise.any(reached).catch(() => null)
  for (const other of candidates) if (other !== first) other.release(cell.failpoint)
  return first
}

/**
 * Two workers of each kind, so that a fault always has somebody to take over; never more than three. Where the next
 * cell starts a worker itself, none is started here.
 */
async function keepFleet({ kind, fleet }: LaneOptions, next: Cell | undefined): Promise<void> {
  const [oldest] = fleet.workers(kind)
  const count = fleet.workers(kind).length
  if (count >= MOST_WORKERS && oldest !== undefined) await fleet.retire(oldest)
  const wanted = next !== undefined && AT_ASSIGNMENT.has(next.failpoint) ? FULL_FLEET - 1 : FULL_FLEET
  for (let missing = wanted - count; missing > 0; missing--) await fleet.start(kind)
}
