import { fileURLToPath } from 'node:url'
import { AUDIT_EVENT_SCHEMA_TEXT } from '../../../../schemas/generated/audit-event.ts'
import { createFleet } from '../fleet.ts'
import { runLane } from '../lane.ts'
import type { Cell } from '../plan.ts'
import { createProducer } from '../producer.ts'
import { settle } from '../settle.ts'
import { layGround, PATIENT, STOP_MS } from '../topics.ts'
import { takeTruths, type VerifyResult, verifyRun } from '../verify/verify-run.ts'
import type { World } from '../world.ts'

const BROKEN_MAIN = fileURLToPath(new URL('./broken-worker.ts', import.meta.url))
const EVENTS = 2_000
const EVENTS_PER_SECOND = 1_000
const REACH_MS = 20_000
const SETTLE_MS = 12_000
const QUARANTINE_PARTITIONS = 6

export interface BrokenRun {
  readonly name: string
  /** What `BROKEN` is set to; the sound worker when empty. */
  readonly broken: string
  readonly cells: readonly Omit<Cell, 'worker'>[]
}

/** A short run of hot workers alone, all with the same mistake. Returns what the comparison says of the hot store. */
export async function runBroken(world: World, { name, broken, cells }: BrokenRun): Promise<VerifyResult> {
  const ground = await layGround(world, name, PATIENT)
  const fleet = createFleet(world, ground, { hot: BROKEN_MAIN })
  fleet.vary('hot', { BROKEN: broken, DAYBOOK_STORE_TIMEOUT_MS: '60000' })
  const producer = createProducer(world, ground)
  try {
    producer.start(EVENTS, EVENTS_PER_SECOND)
    await Promise.all([fleet.start('hot'), fleet.start('hot')])
    const lane = cells.map((cell): Cell => ({ ...cell, worker: 'hot' }))
    const options = { reachMs: REACH_MS, stopMs: () => STOP_MS, log: () => {} }
    const seen = await runLane({ kind: 'hot', cells: lane, fleet, ...options })
    if (seen.length < cells.length) throw new Error(`only ${seen.length} of ${cells.length} faults were seen`)
    await producer.finish()
    const { clickhouse, s3 } = world.stack.endpoints
    const target = {
      ...{ kafkaLogDir: world.kafkaLogDir, clickhouseUrl: clickhouse.url, s3, bucket: ground.bucket },
      ...{ quarantineTopic: ground.quarantineTopic, quarantinePartitions: QUARANTINE_PARTITIONS },
      ...{ schemaText: AUDIT_EVENT_SCHEMA_TEXT, emitted: producer.emitted(), stores: ['hot'] as const },
    }
    const truths = takeTruths(target, ground.partitions)
    await settle(target, truths, SETTLE_MS)
    await fleet.close()
    return await verifyRun(target, truths)
  } finally {
    producer.stop()
    await fleet.close()
  }
}
