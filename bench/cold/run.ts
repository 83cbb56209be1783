/** Events from Kafka into locked objects: the CPU time of the whole cold worker, see README.md. */

import { initArchiveOf } from '../../operations/archive-init.ts'
import { createBucket } from '../../operations/create-bucket.ts'
import { ensureSigningKey } from '../../operations/signing-key.ts'
import { type BenchStack, withBenchStack } from '../measure/bench-stack.ts'
import { FIXTURES, readFlags } from '../measure/flags.ts'
import { machine } from '../measure/machine.ts'
import { spreadOf } from '../measure/stats.ts'
import { measureObjects } from './objects.ts'
import { startColdWorker } from './worker.ts'

const TARGET = 100_000
const SEED = 1

interface Run {
  readonly seconds: number
  /** Of the work on the events: what a worker uses that starts and finds nothing is taken off. */
  readonly cpuMicros: number
  readonly cpuMicrosWithStart: number
}

const flags = readFlags(process.argv.slice(2), { events: 1_000_000, rounds: 5 })
const objects = flags.only.length === 0 || flags.only.includes('objects') ? measureObjects() : null
const worker = flags.only.length === 0 || flags.only.includes('worker') ? await measureWorker() : null
process.stdout.write(
  `${JSON.stringify({ bench: 'cold', ...flags, ...worker, machine: machine(), objects }, null, flags.json ? 0 : 2)}\n`,
)
process.exit(0)

async function measureWorker() {
  const { runs, events } = await withBenchStack(async (stack) => {
    const startMicros = await startAlone(stack)
    const filled = await stack.fill(FIXTURES[flags.fixture]({ seed: SEED, count: flags.events }))
    const all: Run[] = []
    for (let round = 1; round <= flags.rounds; round++)
      all.push(await oneRun(stack, round, filled, startMicros))
    return { runs: all, events: filled }
  })
  const rate = spreadOf(runs.map((run) => events / (run.cpuMicros / 1e6)))
  return {
    events,
    eventsPerCpuSecond: rate,
    eventsPerCpuSecondWithStart: spreadOf(runs.map((run) => events / (run.cpuMicrosWithStart / 1e6))),
    cpuMicrosPerEvent: spreadOf(runs.map((run) => run.cpuMicros / events)),
    startCpuMillis: spreadOf(runs.map((run) => (run.cpuMicrosWithStart - run.cpuMicros) / 1_000)),
    eventsPerSecond: spreadOf(runs.map((run) => events / run.seconds)),
    targets: { eventsPerCpuSecond: rate.median >= TARGET },
  }
}

/** Each round writes a bucket of its own, from the beginning of the topic. Returns the worker's environment. */
async function newArchive({ stack, dataDir, env }: BenchStack, round: number) {
  const bucket = `bench-${round}`
  await createBucket(stack.endpoints.s3, bucket)
  const archive = { ...env, DAYBOOK_S3_BUCKET: bucket, DAYBOOK_SIGNING_KEY_FILE: ensureSigningKey(dataDir) }
  await initArchiveOf(archive, 'benchmark')
  return archive
}

/** What a worker uses until it is ready over an empty topic. */
async function startAlone(stack: BenchStack): Promise<number> {
  const worker = await startColdWorker(stack, await newArchive(stack, 0))
  const micros = worker.cpuMicros()
  await worker.stop()
  return micros
}

async function oneRun(stack: BenchStack, round: number, events: number, startMicros: number): Promise<Run> {
  const env = await newArchive(stack, round)
  const step = stack.log.step(`round ${round}`)
  const startedAt = performance.now()
  const worker = await startColdWorker(stack, env)
  try {
    await worker.delivered(events)
    const seconds = (performance.now() - startedAt) / 1_000
    const cpuMicrosWithStart = worker.cpuMicros()
    const cpuMicros = cpuMicrosWithStart - startMicros
    step.done(`${(cpuMicros / events).toFixed(2)} µs CPU an event, ${Math.round(events / seconds)} events/s`)
    return { seconds, cpuMicros, cpuMicrosWithStart }
  } finally {
    await worker.stop()
  }
}
