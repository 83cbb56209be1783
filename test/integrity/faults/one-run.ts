import { AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'
import { createFleet, type RunFleet } from './fleet.ts'
import { runLane } from './lane.ts'
import { type Cell, cellName, type RunPlan, WORKERS, type WorldFault } from './plan.ts'
import { type PollReader, startPollReader } from './poll-reader.ts'
import { createProducer, type Producer } from './producer.ts'
import { playScenario } from './scenarios.ts'
import { settle } from './settle.ts'
import { type Ground, IMPATIENT, layGround, PATIENT, type Patience, STOP_MS } from './topics.ts'
import { type Truth, takeTruths, type VerifyTarget, verifyRun } from './verify/verify-run.ts'
import type { World } from './world.ts'
import { commitWorldFault, EXCLUSIVE_FAULTS, SCENARIO_FAULTS } from './world-faults.ts'

export interface RunResult {
  readonly run: number
  readonly seed: number
  readonly seconds: number
  readonly records: number
  readonly events: number
  /** Names of the cells and world faults that were seen to happen. */
  readonly faults: readonly string[]
  readonly missed: readonly string[]
  readonly lost: number
  readonly duplicated: number
  readonly violations: readonly string[]
  /** How often a reader looked at the view meanwhile. */
  readonly polls: number
  /** Workers that gave up because something was out of reach, and were started again. */
  readonly restarts: number
}

interface Run {
  readonly world: World
  readonly ground: Ground
  readonly plan: RunPlan
  readonly patience: Patience
  readonly fleet: RunFleet
  readonly producer: Producer
  readonly reader: PollReader
  readonly log: (line: string) => void
  readonly seen: string[]
  readonly violations: string[]
}

const EVENTS = 20_000
const EVENTS_PER_SECOND = 2_500
const REACH_MS = 20_000
const SETTLE_MS = 40_000
const QUARANTINE_PARTITIONS = 6

/** One run: load, faults, calm, verdict. Leaves nothing running but the world. */
export async function runOnce(world: World, plan: RunPlan, log: (line: string) => void): Promise<RunResult> {
  const startedAt = Date.now()
  const since = (line: string) => log(`  ${((Date.now() - startedAt) / 1_000).toFixed(1)} s  ${line}`)
  const patience = plan.run % 2 === 0 ? IMPATIENT : PATIENT
  const ground = await layGround(world, `f${plan.seed}r${plan.run}`, patience)
  const { url } = world.stack.endpoints.clickhouse
  const run: Run = {
    ...{ world, ground, plan, patience, log: since, seen: [], violations: [] },
    fleet: createFleet(world, ground),
    producer: createProducer(world, ground),
    reader: startPollReader(url, [...new Set(ground.partitions.map(({ topicId }) => topicId))]),
  }
  try {
    since('topics, bucket and archive are there')
    await commitFaults(run)
    const verdict = await judge(run)
    const { polls, faults } = await run.reader.stop()
    const planned = [...plan.cells.map(cellName), ...plan.world]
    return {
      ...{ run: plan.run, seed: plan.seed, seconds: (Date.now() - startedAt) / 1_000 },
      ...{ records: verdict.records, events: verdict.events, polls, restarts: run.fleet.restarts() },
      faults: run.seen,
      missed: planned.filter((name) => !run.seen.includes(name)),
      ...{ lost: verdict.lost, duplicated: verdict.duplicated },
      violations: [...verdict.violations, ...run.violations, ...faults, ...run.fleet.unexpectedEnds()],
    }
  } finally {
    run.producer.stop()
    await run.reader.stop()
    await run.fleet.close()
  }
}

/** Under load, until every fault of the plan had its turn; then until all that was emitted is acknowledged. */
async function commitFaults(run: Run): Promise<void> {
  const { fleet, plan, producer, patience, log } = run
  const stopMs = (cell: Cell) => (isMidBody(cell) ? patience.midBodyStopMs : STOP_MS)
  producer.start(EVENTS, EVENTS_PER_SECOND)
  await Promise.all(WORKERS.flatMap((kind) => [fleet.start(kind), fleet.start(kind)]))
  const exclusive = plan.world.filter((fault) => EXCLUSIVE_FAULTS.has(fault))
  for (const fault of exclusive) await worldFault(run, fault)
  const lanes = WORKERS.map(async (kind) => {
    const cells = plan.cells.filter((cell) => cell.worker === kind)
    run.seen.push(...(await runLane({ kind, cells, fleet, reachMs: REACH_MS, stopMs, log })))
  })
  const others = (async () => {
    for (const fault of plan.world) {
      if (!EXCLUSIVE_FAULTS.has(fault) && !SCENARIO_FAULTS.has(fault)) await worldFault(run, fault)
    }
  })()
  await Promise.all([...lanes, others])
  await producer.finish()
  log('all that was emitted is acknowledged')
}

const isMidBody = ({ failpoint }: Cell): boolean =>
  failpoint === 'send.after' || failpoint === 'effect.before'

async function worldFault(run: Run, fault: WorldFault): Promise<void> {
  try {
    await commitWorldFault(fault, { ...run, seed: run.plan.seed * 1_000 + run.plan.run })
    run.seen.push(fault)
    run.log(`seen: ${fault}`)
  } catch (error) {
    run.log(`${fault}: ${String(error)}`)
  }
}

async function judge(run: Run) {
  const { world, ground, fleet, producer } = run
  const settled = targetOf(world, ground, producer.emitted())
  let truths = takeTruths(settled, ground.partitions)
  await settle(settled, truths, SETTLE_MS)
  run.log('both stores are level')
  await fleet.retireAll()
  for (const fault of run.plan.world.filter((each) => SCENARIO_FAULTS.has(each))) {
    truths = await scenario(run, fault, truths)
  }
  const verdict = await verifyRun(targetOf(world, ground, producer.emitted()), truths)
  run.log('compared')
  return verdict
}

async function scenario(run: Run, fault: WorldFault, truths: Truth[]): Promise<Truth[]> {
  try {
    const target = targetOf(run.world, run.ground, [])
    const after = await playScenario(fault, { ...run, target, settleMs: SETTLE_MS }, truths)
    run.seen.push(fault)
    run.log(`seen: ${fault}`)
    return after
  } catch (error) {
    run.violations.push(`${fault}: ${String(error)}`)
    return truths
  }
}

function targetOf(world: World, ground: Ground, emitted: readonly string[]): VerifyTarget {
  const { clickhouse, s3 } = world.stack.endpoints
  return {
    kafkaLogDir: world.kafkaLogDir,
    quarantineTopic: ground.quarantineTopic,
    quarantinePartitions: QUARANTINE_PARTITIONS,
    clickhouseUrl: clickhouse.url,
    s3,
    bucket: ground.bucket,
    schemaText: AUDIT_EVENT_SCHEMA_TEXT,
    emitted,
  }
}
