import { usualEventObjects, usualEvents } from '../events/generate.ts'
import { machine } from '../measure/machine.ts'
import { spreadOf } from '../measure/stats.ts'
import { CASES, type Case, type Inputs } from './cases.ts'

const EVENTS = 50_000
const WARM_UP_RUNS = 3
const RUNS = 7

const options = { seed: 1, count: EVENTS }
const inputs: Inputs = { events: [...usualEventObjects(options)], payloads: [...usualEvents(options)] }

/** CPU time of the process, garbage collection included: the machine may be doing other things. */
function microsPerEvent(run: Case): number {
  const before = process.cpuUsage()
  run(inputs)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / EVENTS
}

const results = Object.fromEntries(
  Object.entries(CASES).map(([name, create]) => {
    const run = create()
    for (let i = 0; i < WARM_UP_RUNS; i++) run(inputs)
    return [name, spreadOf(Array.from({ length: RUNS }, () => microsPerEvent(run)))]
  }),
)

if (process.argv.includes('--json')) {
  process.stdout.write(
    `${JSON.stringify({ bench: 'codec', unit: 'µs CPU/event', events: EVENTS, machine: machine(), results })}\n`,
  )
} else {
  for (const [name, { median, min, max }] of Object.entries(results)) {
    process.stdout.write(`${name.padEnd(34)} ${median.toFixed(2)} µs (${min.toFixed(2)}–${max.toFixed(2)})\n`)
  }
}
