import type { BenchStack } from '../measure/bench-stack.ts'
import { type Spread, spreadOf } from '../measure/stats.ts'
import type { HotTable } from './table.ts'

export interface Arena {
  readonly stack: BenchStack
  readonly table: HotTable
  readonly events: number
}

/** One way into the table. `run` resolves when every row can be read. */
export interface Contestant {
  readonly name: string
  run(arena: Arena): Promise<Run>
}

export interface Run {
  /** From process start, CREATE MATERIALIZED VIEW or the first insert to the last row that can be read. */
  readonly seconds: number
  /** The same without the start of a process, where there is one. */
  readonly secondsAfterStart: number
  readonly workerCpuMicros: number
  readonly engineCpuMicros: number
}

export interface Score {
  readonly eventsPerSecond: Spread
  readonly eventsPerSecondAfterStart: Spread
  readonly cpuMicrosPerEvent: { readonly worker: Spread; readonly engine: Spread; readonly total: Spread }
}

export function scoreOf(runs: readonly Run[], events: number): Score {
  const spread = (of: (run: Run) => number) => spreadOf(runs.map(of))
  return {
    eventsPerSecond: spread((run) => events / run.seconds),
    eventsPerSecondAfterStart: spread((run) => events / run.secondsAfterStart),
    cpuMicrosPerEvent: {
      worker: spread((run) => run.workerCpuMicros / events),
      engine: spread((run) => run.engineCpuMicros / events),
      total: spread((run) => (run.workerCpuMicros + run.engineCpuMicros) / events),
    },
  }
}
