import { AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'
import { createFleet } from './fleet.ts'
import { runLane } from './lane.ts'
import { type RunPlan, WORKERS, type WorldFault } from './plan.ts'
import { startPollReader } from './poll-reader.ts'
import { createProducer } from './producer.ts'
import { type Ground, layGround, SESSION_MS } from './topics.ts'
import { isSettled, type VerifyTarget, verifyRun } from './verify/verify-run.ts'
import type { World } from './world.ts'
import { commitWorldFault, EXCLUSIVE } from './world-faults.ts'

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
  readonly polls: number
}

const EVENTS = 20_000
const EVENTS_PER_SECOND = 2_000
const REACH_MS = 8_000
const STOP_MS = SESSION_MS + 2_000
const SETTLE_MS = 40_000
const QUARANTINE_PARTITIONS = 6

/** One run: load, faults, calm, verdict. Leaves nothing running but the world. */
export async function runOnce(world: World, plan: RunPlan, log: (line: string) => void): Promise<RunResult> {
  const startedAt = Date.now()
  const ground = await layGround(world, `f${plan.seed}r${plan.run}`)
  const fleet = createFleet(world, ground)
  const producer = createProducer(world, ground)
  const { url } = world.stack.endpoints.clickhouse
  const reader = startPollReader(url, [...new Set(ground.partitions.map(({ topicId }) => topicId))])
  try {
    producer.start(EVENTS, EVENTS_PER_SECOND)
    for (const kind of WORKERS) await Promise.all([fleet.start(kind), fleet.start(kind)])
    const context = { world, ground, fleet, producer, seed: plan.seed * 1_000 + plan.run }
    const commit = async (fault: WorldFault): Promise<string[]> => {
      try {
        await commitWorldFault(fault, context)
        return [fault]
      } catch (error) {
        log(`${fault}: ${String(error)}`)
        return []
      }
    }
    const seen: string[] = []
    for (const fault of plan.world.filter((each) => EXCLUSIVE.has(each))) seen.push(...(await commit(fault)))
    const lanes = WORKERS.map((kind) => {
      const cells = plan.cells.filter((cell) => cell.worker === kind)
      return runLane({ kind, cells, fleet, reachMs: REACH_MS, stopMs: STOP_MS, log })
    })
    const others = (async () => {
      const done: string[] = []
      for (const fault of plan.world.filter((each) => !EXCLUSIVE.has(each)))
        done.push(...(await commit(fault)))
      return done
    })()
    seen.push(...(await Promise.all([...lanes, others])).flat())
    await producer.finished()
    const target = targetOf(world, ground, producer.emitted())
    await settle(target)
    const { polls, faults } = await reader.stop()
    await fleet.retireAll()
    const verdict = await verifyRun(target)
    const planned = [
      ...plan.cells.map((cell) => `${cell.worker}:${cell.failpoint}:${cell.fault}`),
      ...plan.world,
    ]
    return {
      ...{ run: plan.run, seed: plan.seed, seconds: (Date.now() - startedAt) / 1_000 },
      ...{ records: verdict.records, events: verdict.events, polls },
      faults: seen,
      missed: planned.filter((name) => !seen.includes(name)),
      ...{ lost: verdict.lost, duplicated: verdict.duplicated },
      violations: [...verdict.violations, ...faults, ...fleet.unexpectedEnds()],
    }
  } finally {
    producer.stop()
    await reader.stop()
    await fleet.retireAll()
  }
}

async function settle(target: VerifyTarget): Promise<void> {
  const deadline = Date.now() + SETTLE_MS
  while (Date.now() < deadline && !(await isSettled(target)))
    await new Promise((resolve) => setTimeout(resolve, 300))
}

function targetOf(world: World, ground: Ground, emitted: readonly string[]): VerifyTarget {
  const { clickhouse, s3 } = world.stack.endpoints
  return {
    kafkaLogDir: world.kafkaLogDir,
    partitions: ground.partitions,
    quarantineTopic: ground.quarantineTopic,
    quarantinePartitions: QUARANTINE_PARTITIONS,
    clickhouseUrl: clickhouse.url,
    s3,
    bucket: ground.bucket,
    schemaText: AUDIT_EVENT_SCHEMA_TEXT,
    emitted,
  }
}
