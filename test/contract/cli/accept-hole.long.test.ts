import { afterAll, beforeAll, expect, it } from 'vitest'
import { createKafkaClient } from '../../../consumers/kafka/client/kafka-client.ts'
import { type CliWorld, cliWorld } from '../../support/cli/environment.ts'
import { runCli } from '../../support/cli/run.ts'
import { alterTopic } from '../../support/kafka/topic-admin.ts'
import { testStack } from '../../support/stack.ts'

let world: CliWorld
beforeAll(async () => {
  world = await cliWorld('cli-accept-hole')
  expect(await runCli(['schema', 'register'], world.env)).toMatchObject({ code: 0 })
})
afterAll(() => world.remove())

const KEYS = ['old', 'old', 'old', 'other']

const COMPACTED = {
  'cleanup.policy': 'compact',
  'min.cleanable.dirty.ratio': '0.01',
  'max.compaction.lag.ms': '1000',
}

async function setTopic(settings: Readonly<Record<string, string>>): Promise<void> {
  const admin = createKafkaClient(testStack().kafka).admin()
  await admin.connect()
  await alterTopic(admin, world.topic, settings)
  await admin.disconnect()
}

async function sendKeys(): Promise<void> {
  const producer = createKafkaClient(testStack().kafka).producer()
  await producer.connect()
  for (const key of KEYS) {
    await producer.send({ topic: world.topic, messages: [{ key, value: key, partition: 0 }] })
    // Of time only: the next record opens a new segment, and what stands in the last one is not compacted.
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  await producer.disconnect()
}

async function accept(store: string, through: number) {
  const place = ['--store', store, '--topic', world.topic, '--partition', '0']
  const what = ['--through', String(through), '--reason', 'compaction', '--json']
  return runCli(['offsets', 'accept-gap', ...place, ...what], world.env)
}

it('a hole in the midst of a log is accepted as lost, and nothing that stands beside it', async () => {
  await setTopic({ 'segment.ms': '100' })
  await sendKeys()
  expect(await accept('hot', 1)).toMatchObject({ code: 2, stderr: expect.stringContaining('at offset 0') })
  // Takes the records 0 and 1 out of the log's midst, when the broker gets round to it; its start stays.
  await setTopic(COMPACTED)
  await expect.poll(() => accept('hot', 1), { timeout: 80_000, interval: 1_000 }).toMatchObject({ code: 0 })
  const { stdout } = await runCli(['offsets', 'show', '--json'], world.env)
  expect(JSON.parse(stdout)).toContainEqual(expect.objectContaining({ partition: 0, logStart: '0' }))
  for (const store of ['hot', 'cold']) {
    expect(await accept(store, 2)).toMatchObject({ code: 2, stderr: expect.stringContaining('at offset 2') })
    expect(await accept(store, 9)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ends before 4'),
    })
    const { code, stdout } = await accept(store, 1)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ store, first: '0', through: '1' })
  }
}, 120_000)
