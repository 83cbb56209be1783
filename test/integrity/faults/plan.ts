import { FAILPOINTS, type Failpoint } from '../../../runtime/failpoints.ts'

/** What one run will do to the pipeline, drawn from a seed so that any run can be repeated alone. */

export const WORKERS = ['hot', 'cold'] as const
export type WorkerKind = (typeof WORKERS)[number]

/** kill: SIGKILL. stop: SIGSTOP past every time-out, then SIGCONT. drop: its connections cut by the proxy. */
export const PROCESS_FAULTS = ['kill', 'stop', 'drop'] as const
export type ProcessFault = (typeof PROCESS_FAULTS)[number]

/** Faults that belong to no failpoint: dependencies, producers, offsets, and the topic itself. */
export const WORLD_FAULTS = [
  'broker-restart',
  'clickhouse-fails-before',
  'clickhouse-fails-after',
  's3-fails-before',
  's3-fails-after',
  'registry-down',
  'scale-1-3-1',
  'commits-rewound',
  'commits-deleted',
  'poison-and-oversized',
  'producer-killed',
  'produce-answer-lost',
  'log-start-past-commit',
  'topic-recreated',
  'two-versions',
] as const
export type WorldFault = (typeof WORLD_FAULTS)[number]

export interface Cell {
  readonly failpoint: Failpoint
  readonly fault: ProcessFault
  readonly worker: WorkerKind
}

export interface RunPlan {
  readonly run: number
  readonly seed: number
  readonly cells: readonly Cell[]
  readonly world: readonly WorldFault[]
}

const CELLS_PER_WORKER = 4
const WORLD_PER_RUN = 2

export function cellName(cell: Cell): string {
  return `${cell.worker}:${cell.failpoint}:${cell.fault}`
}

export const ALL_CELLS: readonly Cell[] = WORKERS.flatMap((worker) =>
  FAILPOINTS.flatMap((failpoint) => PROCESS_FAULTS.map((fault) => ({ failpoint, fault, worker }))),
)

/** Every cell comes once before any comes twice: a shuffled deck is dealt, then shuffled anew. */
export function planRun(seed: number, run: number): RunPlan {
  return {
    run,
    seed,
    cells: WORKERS.flatMap((worker, at) =>
      deal(
        ALL_CELLS.filter((cell) => cell.worker === worker),
        CELLS_PER_WORKER,
        seed + 2 + at,
        run,
      ),
    ),
    world: deal(WORLD_FAULTS, WORLD_PER_RUN, seed + 1, run),
  }
}

function deal<T>(deck: readonly T[], size: number, seed: number, run: number): T[] {
  return Array.from({ length: size }, (_, i) => {
    const position = run * size + i
    const round = Math.floor(position / deck.length)
    const card = shuffled(deck, randomOf(seed * 1_000_003 + round))[position % deck.length]
    if (card === undefined) throw new Error('an empty deck')
    return card
  })
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)
}

/** mulberry32: small, seeded, good enough to draw faults. Yields [0, 1). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
