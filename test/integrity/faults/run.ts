import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ResultFile, runCampaign } from './campaign.ts'
import { startWorld } from './world.ts'

/**
 * `npm run faults -- --runs N --seed S [--json] [--results FILE] [--keep]`: real processes, real signals, real
 * servers. Resumable: runs that stand in the result file are not repeated. The last line is the summary.
 */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    results: { type: 'string' },
  },
})
const seed = Number(values.seed)
const directory = mkdtempSync(join(tmpdir(), 'daybook-faults-'))
const log = (line: string) => process.stderr.write(`${line}\n`)
const file = values.results ?? join(import.meta.dirname, 'results', `seed-${seed}.jsonl`)
const summary = await runCampaign({
  world: () => startWorld(directory),
  runs: Number(values.runs),
  seed,
  results: new ResultFile(file),
  log,
})
if (summary.violations > 0 || values.keep) log(`logs and data: ${directory}`)
else rmSync(directory, { recursive: true, force: true })
process.stdout.write(`${JSON.stringify(summary, null, values.json ? 0 : 2)}\n`)
process.exit(summary.violations > 0 ? 1 : 0)
