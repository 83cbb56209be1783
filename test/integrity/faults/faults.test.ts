import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'
import { runBroken } from './broken/broken-run.ts'
import { sendForeignRecords } from './foreign.ts'
import { runOnce } from './one-run.ts'
import { planRun, randomOf } from './plan.ts'
import { consumeAll } from './raw-log-check.ts'
import { layGround, MAX_RECORD_BYTES, PARTITIONS, PATIENT } from './topics.ts'
import { takeTruths } from './verify/verify-run.ts'
import { startWorld, type World } from './world.ts'

const SEED = 20_261
const RUNS = 1
const RUN_TIMEOUT_MS = 150_000

const directory = mkdtempSync(join(tmpdir(), 'daybook-faults-'))
let world: World
/** What a violation left behind is looked at afterwards. */
let isKept = false

beforeAll(async () => {
  world = await startWorld(directory)
}, 120_000)

afterAll(async () => {
  await world.close()
  if (!isKept && process.env['DAYBOOK_KEEP_TEST_DATA'] === undefined)
    rmSync(directory, { recursive: true, force: true })
}, 60_000)

const kindOf = (fault: string): string => fault.split(':').at(-1) ?? fault

test(
  "the raw dump reads from the broker's files what Kafka's client reads, aborted transactions left out",
  async () => {
    const ground = await layGround(world, 'rawdump', PATIENT)
    const topic = ground.topics[0] ?? ''
    const sent = await sendForeignRecords({
      kafka: world.kafka,
      topics: [{ name: topic, partitions: PARTITIONS, schemaId: ground.schemaId }],
      schemaText: AUDIT_EVENT_SCHEMA_TEXT,
      maxRecordBytes: MAX_RECORD_BYTES,
      random: randomOf(1),
    })
    const consumed = await consumeAll(world, topic, sent)
    const dumped = takeTruths(world, ground.partitions).filter((truth) => truth.topic === topic)
    for (const { partition, truth } of dumped) {
      const records = truth.records.map(({ headers: _, ...record }) => record)
      expect(records).toEqual(consumed.get(partition))
    }
    const count = (of: (truth: (typeof dumped)[number]) => number) =>
      dumped.reduce((sum, truth) => sum + of(truth), 0)
    expect(count(({ truth }) => truth.records.length)).toBe(sent)
    expect(count(({ truth }) => truth.aborted.length)).toBe(2)
    expect(count(({ truth }) => truth.control.length)).toBeGreaterThanOrEqual(3)
  },
  RUN_TIMEOUT_MS,
)

describe('fault runs on real components', () => {
  test.each(Array.from({ length: RUNS }, (_, run) => run))(
    'run %i loses nothing and doubles nothing',
    async (number) => {
      const lines: string[] = []
      const result = await runOnce(world, planRun(SEED, number), (line) => lines.push(line))
      isKept ||= result.violations.length > 0
      expect(result.violations, [...lines, directory].join('\n')).toEqual([])
      expect([result.lost, result.duplicated]).toEqual([0, 0])
      expect(result.records).toBeGreaterThanOrEqual(20_000)
      expect(result.polls).toBeGreaterThan(10)
      expect(result.faults.length, lines.join('\n')).toBeGreaterThanOrEqual(6)
      expect(new Set(result.faults.map(kindOf)).size).toBeGreaterThanOrEqual(3)
    },
    RUN_TIMEOUT_MS,
  )

  test(
    'a worker that commits before it delivers is caught',
    async () => {
      const verdict = await runBroken(world, {
        ...{ name: 'broken-commit', broken: 'commits-before-delivery' },
        cells: [
          { failpoint: 'send.before', fault: 'kill' },
          { failpoint: 'send.before', fault: 'kill' },
        ],
      })
      expect(verdict.lost).toBeGreaterThan(0)
      expect(verdict.violations).toContainEqual(expect.stringMatching(/not in the hot table/))
    },
    RUN_TIMEOUT_MS,
  )
})
