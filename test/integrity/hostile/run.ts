/**
 * `npm run hostile -- [--json] [--only TEXT]`: plays the hostile cases on real components, writes what was seen to
 * results/, and ends with one line of JSON. Exit code 1 when a case fails or a cell of the matrix has no case.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { machine } from '../../../bench/measure/machine.ts'
import { startWorld } from '../faults/world.ts'
import { playCases, summaryOf } from './campaign.ts'
import { CASES } from './cases/all.ts'
import type { CaseResult } from './hostile-case.ts'

const { values } = parseArgs({ options: { json: { type: 'boolean' }, only: { type: 'string' } } })
const RESULTS = fileURLToPath(new URL('./results/', import.meta.url))
const cases = CASES.filter(({ name }) => values.only === undefined || name.includes(values.only))

const directory = mkdtempSync(join(tmpdir(), 'daybook-hostile-'))
const world = await startWorld(directory)
let failed = true
try {
  const results = await playCases(world, cases, say)
  const summary = summaryOf(results)
  failed = summary.failed.length > 0 || (values.only === undefined && summary.emptyCells.length > 0)
  if (values.only === undefined) {
    mkdirSync(RESULTS, { recursive: true })
    const file = join(RESULTS, `${new Date().toISOString().slice(0, 10)}.json`)
    writeFileSync(file, `${JSON.stringify({ machine: machine(), summary, results }, null, 1)}\n`)
  }
  process.stdout.write(`${JSON.stringify(summary)}\n`)
} finally {
  await world.close()
  if (failed) process.stderr.write(`logs and data: ${directory}\n`)
  else rmSync(directory, { recursive: true, force: true })
}
process.exit(failed ? 1 : 0)

function say({
  name,
  seconds,
  faults,
  neighbourDelayMsP99,
  peakRssMb,
  receivedBytes,
  quarantineBytes,
}: CaseResult): void {
  const verdict = faults.length === 0 ? 'holds' : `FAILS: ${faults.join('; ')}`
  process.stderr.write(
    `${seconds.toFixed(0).padStart(4)} s  ${name}: ${verdict} (neighbours +${neighbourDelayMsP99} ms, hot ${peakRssMb.hot} MB, cold ${peakRssMb.cold} MB, quarantine ${quarantineBytes} of ${receivedBytes} bytes)\n`,
  )
}
