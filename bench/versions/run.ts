/**
 * What a worker costs an event, against the same worker of another checkout, in alternating pairs: see README.md.
 * `npm run bench -- versions --before <folder> --worker hot|cold [--pairs 20] [--events N] [--json]`
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { WorkerLaunch } from '../../infra/local/worker-launch.ts'
import { createHotTable } from '../hot/table.ts'
import { withBenchStack } from '../measure/bench-stack.ts'
import { FIXTURES } from '../measure/flags.ts'
import { machine } from '../measure/machine.ts'
import { ratioOf } from './ratio.ts'
import { coldMeasure, hotMeasure, type Measure, type Version } from './worker-cost.ts'

const SEED = 1
const NOTHING_SET: WorkerLaunch = { nodeFlags: ['--disable-warning=TimeoutNegativeWarning'], env: {} }
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

const { values } = parseArgs({
  options: {
    before: { type: 'string' },
    worker: { type: 'string', default: 'hot' },
    pairs: { type: 'string', default: '20' },
    events: { type: 'string', default: '1000000' },
    json: { type: 'boolean', default: false },
  },
})
if (values.before === undefined)
  throw new TypeError('--before names the folder of the checkout to compare with')
if (values.worker !== 'hot' && values.worker !== 'cold') throw new TypeError('--worker is hot or cold')
const kind = values.worker
const pairs = Number(values.pairs)
const wanted = Number(values.events)

const report = await withBenchStack(async (stack) => {
  const events = await stack.fill(FIXTURES.usual({ seed: SEED, count: wanted }))
  const measure: Measure =
    kind === 'hot' ? hotMeasure(stack, await createHotTable(stack), events) : coldMeasure(stack, events)
  const before = await versionIn('before', resolve(values.before ?? ''))
  const now = await versionIn('now', ROOT)
  const costs: { before: number; now: number }[] = []
  // The first run of each fills caches of disk and engine and is not counted.
  for (const version of [before, now]) await measure(version)
  for (let pair = 1; pair <= pairs; pair++) {
    const step = stack.log.step(`pair ${pair}`)
    const cost = { before: 0, now: 0 }
    for (const version of pair % 2 === 0 ? [before, now] : [now, before])
      cost[version.name] = await measure(version)
    costs.push(cost)
    step.done(`before ${cost.before.toFixed(2)}, now ${cost.now.toFixed(2)} µs CPU an event`)
  }
  return { bench: 'versions', worker: kind, pairs, events, machine: machine(), ...ratioOf(costs), costs }
})
process.stdout.write(`${JSON.stringify(report, null, values.json ? 0 : 2)}\n`)
process.exit(0)

/** A checkout, and how its own local start runs its workers; checkouts that do not say it set nothing in particular. */
async function versionIn(name: Version['name'], folder: string): Promise<Version> {
  const said = join(folder, 'infra/local/worker-launch.ts')
  const { WORKER_LAUNCH } = existsSync(said)
    ? ((await import(said)) as typeof import('../../infra/local/worker-launch.ts'))
    : { WORKER_LAUNCH: { hot: NOTHING_SET, cold: NOTHING_SET } }
  return { name, main: join(folder, `consumers/${kind}-main.ts`), launch: WORKER_LAUNCH[kind] }
}
