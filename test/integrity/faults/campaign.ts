import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'
import { type RunResult, runOnce } from './one-run.ts'
import { ALL_CELLS, cellName, type RunPlan } from './plan.ts'
import type { World } from './world.ts'

export interface CampaignSummary {
  readonly runs: number
  readonly seed: number
  readonly faults: number
  readonly lost: number
  readonly duplicated: number
  readonly violations: number
  /** How often the rarest cell was seen; every cell is one failpoint, one fault and one worker. */
  readonly rarestCell: number
  /** How often each cell and each world fault was seen. */
  readonly cells: Readonly<Record<string, number>>
  readonly secondsMedian: number
  /** What the last run ran on. */
  readonly machine: Machine
}

export type Machine = Readonly<Record<string, string | number>>

type ResultLine = RunResult & { readonly machine: Machine }

/** Results so far, one JSON line a run; a campaign that was stopped goes on behind the last line. */
export class ResultFile {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    mkdirSync(dirname(path), { recursive: true })
  }

  /** A line that was cut short by the end of the process is removed: its run is repeated. */
  read(): ResultLine[] {
    if (!existsSync(this.#path)) return []
    const text = readFileSync(this.#path, 'utf8')
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    if (whole.length < text.length) truncateSync(this.#path, Buffer.byteLength(whole))
    const lines = whole.split('\n').filter((line) => line !== '')
    return lines.map((line): ResultLine => JSON.parse(line))
  }

  add(result: ResultLine): void {
    appendFileSync(this.#path, `${JSON.stringify(result)}\n`)
  }
}

export interface CampaignOptions {
  readonly world: () => Promise<World>
  /** Numbers of the runs that the results shall have. */
  readonly runs: readonly number[]
  readonly plan: (run: number) => RunPlan
  readonly seed: number
  readonly machine: Machine
  readonly results: ResultFile
  readonly log: (line: string) => void
}

/** Runs what is missing of `runs`. Ends at the first run with a violation, leaving its evidence. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignSummary> {
  const { results, log, machine } = options
  const known = new Set(results.read().map((result) => result.run))
  const missing = options.runs.filter((run) => !known.has(run))
  if (missing.length > 0) {
    const world = await options.world()
    try {
      for (const run of missing) {
        const result = await runOnce(world, options.plan(run), log)
        results.add({ ...result, machine })
        log(describe(result))
        if (result.violations.length > 0) break
      }
    } finally {
      await world.close()
    }
  }
  return summarise(options.seed, results.read())
}

function describe(result: RunResult): string {
  const verdict = result.violations.length === 0 ? 'clean' : result.violations.slice(0, 5).join('; ')
  const missed = result.missed.length === 0 ? '' : `, not seen: ${result.missed.join(' ')}`
  return `run ${result.run}: ${result.records} records, ${result.faults.length} faults, ${result.seconds.toFixed(0)} s: ${verdict}${missed}`
}

export function summarise(seed: number, results: readonly ResultLine[]): CampaignSummary {
  const cells: Record<string, number> = {}
  for (const name of results.flatMap((result) => result.faults)) cells[name] = (cells[name] ?? 0) + 1
  const sum = (of: (result: RunResult) => number) => results.reduce((total, result) => total + of(result), 0)
  const seconds = results.map((result) => result.seconds).sort((a, b) => a - b)
  return {
    runs: results.length,
    seed,
    faults: sum((result) => result.faults.length),
    lost: sum((result) => result.lost),
    duplicated: sum((result) => result.duplicated),
    violations: sum((result) => result.violations.length),
    rarestCell: Math.min(...ALL_CELLS.map((cell) => cells[cellName(cell)] ?? 0)),
    cells,
    secondsMedian: seconds[Math.floor(seconds.length / 2)] ?? 0,
    machine: results.at(-1)?.machine ?? {},
  }
}
