/** Events from Kafka into ClickHouse: ours against others, see README.md. */
import { withBenchStack } from '../measure/bench-stack.ts'
import { type BenchFlags, FIXTURES, readFlags } from '../measure/flags.ts'
import { machine } from '../measure/machine.ts'
import { ceiling } from './ceiling.ts'
import { type Arena, type Contestant, type Run, type Score, scoreOf } from './contest.ts'
import { kafkaEngine, kafkaEngineWith } from './kafka-engine.ts'
import { ATTEMPTS, CHOSEN } from './kafka-engine-settings.ts'
import { ratiosOf } from './ratios.ts'
import { createHotTable } from './table.ts'
import { decodeJson, ours } from './workers.ts'

const SEED = 1
const tune = process.argv.includes('--tune')
const flags = readFlags(
  process.argv.slice(2).filter((arg) => arg !== '--tune'),
  tune ? { events: 300_000, rounds: 1 } : { events: 1_000_000, rounds: 5 },
)
const payloads = () => FIXTURES[flags.fixture]({ seed: SEED, count: flags.events })

const report = await withBenchStack(async (stack) => {
  const table = await createHotTable(stack)
  const arena = { stack, table, events: await stack.fill(payloads()) }
  const measured = tune ? await tuned(arena) : await contested(arena, flags)
  return { bench: 'hot', ...flags, machine: machine(), ...measured }
})
process.stdout.write(`${JSON.stringify(report, null, flags.json ? 0 : 2)}\n`)
process.exit(0)

/** All contestants in turn, round by round, so that a change of the machine's mood meets all. */
async function contested(arena: Arena, { rounds, only, fixture }: BenchFlags) {
  const wanted = (name: string) => only.length === 0 || only.includes(name)
  const contestants = [ours, kafkaEngine, decodeJson].filter(({ name }) => wanted(name))
  if (wanted('ceiling')) contestants.push(ceiling(arena.stack, payloads()))
  const runs = new Map<string, Run[]>(contestants.map(({ name }) => [name, []]))
  for (let round = 1; round <= rounds; round++)
    for (const contestant of contestants)
      runs.get(contestant.name)?.push(await oneRun(contestant, arena, `round ${round}`))
  const scores: Record<string, Score> = {}
  for (const [name, of] of runs) scores[name] = scoreOf(of, arena.events)
  const settings = { kafkaEngine: CHOSEN, fixture }
  return { ...scores, ...ratiosOf(scores), settings }
}

async function tuned(arena: Arena) {
  const attempts: object[] = []
  for (const settings of ATTEMPTS) {
    const runs: Run[] = []
    for (let round = 1; round <= flags.rounds; round++)
      runs.push(await oneRun(kafkaEngineWith(settings), arena, JSON.stringify(settings)))
    attempts.push({ settings, ...scoreOf(runs, arena.events) })
  }
  return { attempts }
}

async function oneRun(contestant: Contestant, arena: Arena, title: string): Promise<Run> {
  await arena.table.empty()
  const step = arena.stack.log.step(`${contestant.name}, ${title}`)
  const run = await contestant.run(arena)
  const rate = Math.round(arena.events / run.seconds)
  const micros = (cpu: number) => (cpu / arena.events).toFixed(1)
  step.done(
    `${rate} events/s; CPU an event: worker ${micros(run.workerCpuMicros)} µs, engine ${micros(run.engineCpuMicros)} µs`,
  )
  return run
}
