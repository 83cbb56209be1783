import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type RunResult, runOnce } from './one-run.ts'
import { planRun } from './plan.ts'
import type { World } from './world.ts'

export interface CampaignSummary {
  readonly runs: number
  readonly seed: number
  readonly faults: number
  readonly lost: number
  readonly duplicated: number
  readonly violations: number
  /** How often each cell and each world fault was seen. */
  readonly cells: Readonly<Record<string, number>>
}

/** Results so far, one JSON line a run; a campaign that was stopped goes on behind the last line. */
export class ResultFile {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    mkdirSync(dirname(path), { recursive: true })
  }

  read(): RunResult[] {
    if (!existsSync(this.#path)) return []
    const lines = readFileSync(this.#path, 'utf8').split('\n')
    return lines.filter((line) => line !== '').map((line): RunResult => JSON.parse(line))
  }

  add(result: RunResult): void {
    appendFileSync(this.#path, `${JSON.stringify(result)}\n`)
  }
}

export interface CampaignOptions {
  readonly world: () => Promise<World>
  readonly runs: number
  readonly seed: number
  readonly results: ResultFile
  readonly log: (line: string) => void
}

/** Runs what is missing of `runs`. Ends at the first run with a violation, leaving its evidence. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignSummary> {
  const done = options.results.read()
  const known = new Set(done.map((result) => result.run))
  const missing = Array.from({ length: options.runs }, (_, run) => run).filter((run) => !known.has(run))
  if (missing.length > 0) {
    const world = await options.world()
    try {
      for (const run of missing) {
        const result = await runOnce(world, planRun(options.seed, run), options.log)
        options.results.add(result)
        options.log(describe(result))
        if (result.violations.length > 0) break
      }
    } finally {
      await world.close()
    }
  }
  return summarise(options.seed, options.results.read())
}

function describe(result: RunResult): string {
  const verdict = result.violations.length === 0 ? 'clean' : result.violations.slice(0, 5).join('; ')
  const missed = result.missed.length === 0 ? '' : `, not seen: ${result.missed.join(' ')}`
  return `run ${result.run}: ${result.records} records, ${result.faults.length} faults, ${result.seconds.toFixed(0)} s: ${verdict}${missed}`
}

export function summarise(seed: number, results: readonly RunResult[]): CampaignSummary {
  const cells: Record<string, number> = {}
  for (const name of results.flatMap((result) => result.faults)) cells[name] = (cells[name] ?? 0) + 1
  const sum = (of: (result: RunResult) => number) => results.reduce((total, result) => total + of(result), 0)
  return {
    runs: results.length,
    seed,
    faults: sum((result) => result.faults.length),
    lost: sum((result) => result.lost),
    duplicated: sum((result) => result.duplicated),
    violations: sum((result) => result.violations.length),
    cells,
  }
}
