import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { machine } from '../../../bench/measure/machine.ts'
import { ResultFile, runCampaign } from './campaign.ts'
import { ALL_CELLS, cellName, planRun, type RunPlan, WORLD_FAULTS } from './plan.ts'
import { startWorld } from './world.ts'

/**
 * `npm run faults -- --runs N --seed S [--only RUN] [--faults a,b] [--json] [--results FILE] [--keep]`: real
 * processes, real signals, real servers. Resumable: runs that stand in the result file are not repeated. The last line is
 * the summary. `--only` repeats one run and `--faults` commits the named faults only; neither goes into the results.
 */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    faults: { type: 'string' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    results: { type: 'string' },
  },
})
const seed = Number(values.seed)
const directory = mkdtempSync(join(tmpdir(), 'daybook-faults-'))
const log = (line: string) => process.stderr.write(`${line}\n`)
const isRepeat = values.only !== undefined || values.faults !== undefined
const committed = join(import.meta.dirname, 'results', `seed-${seed}.jsonl`)
const file = values.results ?? (isRepeat ? join(directory, 'results.jsonl') : committed)
const only = isRepeat ? [Number(values.only ?? 0)] : undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
const summary = await runCampaign({
  world: () => startWorld(directory),
  runs: only ?? Array.from({ length: Number(values.runs) }, (_, run) => run),
  plan: (run) => narrowed(planRun(seed, run), values.faults?.split(',')),
  seed,
  machine: machine(),
  results: new ResultFile(file),
  log,
})
if (summary.violations > 0 || values.keep) log(`logs and data: ${directory}`)
else rmSync(directory, { recursive: true, force: true })
process.stdout.write(`${JSON.stringify(summary, null, values.json ? 0 : 2)}\n`)
process.exit(summary.violations > 0 ? 1 : 0)

function narrowed(plan: RunPlan, names: readonly string[] | undefined): RunPlan {
  if (names === undefined) return plan
  const cells = ALL_CELLS.filter((cell) => names.includes(cellName(cell)))
  const world = WORLD_FAULTS.filter((fault) => names.includes(fault))
  const unknown = names.length - cells.length - world.length
  if (unknown > 0) throw new Error(`--faults: ${unknown} of the names are no faults`)
  return { ...plan, cells, world }
}
