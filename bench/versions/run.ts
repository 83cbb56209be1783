/**
 * What a worker costs an event, against the same worker of another checkout, in alternating pairs: see README.md.
 * `npm run bench -- versions --before <folder> --worker hot|cold [--pairs 20] [--events N] [--json]`
 */
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createHotTable } from '../hot/table.ts'
import { withBenchStack } from '../measure/bench-stack.ts'
import { FIXTURES } from '../measure/flags.ts'
import { machine } from '../measure/machine.ts'
import { ratioOf } from './ratio.ts'
import { coldMeasure, hotMeasure, type Measure, type Version } from './worker-cost.ts'

const SEED = 1
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
const { worker } = values
if (worker !== 'hot' && worker !== 'cold') throw new TypeError('--worker is hot or cold')
const pairs = Number(values.pairs)
const wanted = Number(values.events)

const report = await withBenchStack(async (stack) => {
  const events = await stack.fill(FIXTURES.usual({ seed: SEED, count: wanted }))
  const measure: Measure =
    worker === 'hot' ? hotMeasure(stack, await createHotTable(stack), events) : coldMeasure(stack, events)
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
  return { bench: 'versions', worker, pairs, events, machine: machine(), ...ratioOf(costs), costs }
})
process.stdout.write(`${JSON.stringify(report, null, values.json ? 0 : 2)}\n`)
process.exit(0)

/** A checkout, and how its own local start runs its workers. */
async function versionIn(name: Version['name'], folder: string): Promise<Version> {
  const starter = (await import(join(folder, 'infra/local/components/worker.ts'))) as {
    readonly SMALL_MEMORY?: Version['launch']
  }
  const main = join(folder, `consumers/${worker}-main.ts`)
  return { name, main, launch: starter.SMALL_MEMORY ?? { nodeFlags: [], env: {} } }
}
