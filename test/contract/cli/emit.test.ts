import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createKafkaClient } from '../../../consumers/kafka/client/kafka-client.ts'
import { openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { readTopic } from '../../../consumers/kafka/fetch/topic-reader.ts'
import { type CliWorld, cliWorld } from '../../support/cli/environment.ts'
import { runCli, startCli } from '../../support/cli/run.ts'
import { testStack } from '../../support/stack.ts'

let world: CliWorld
beforeAll(async () => {
  world = await cliWorld('cli-emit')
})
afterAll(() => world.remove())

function event(i: number, more: object = {}): string {
  const basic = { action: 'order.updated', tenant: 'acme', actor: { id: 'u', type: 'user' } }
  return JSON.stringify({ ...basic, target: { type: 'order', id: `id-${i}-end` }, ...more })
}

/** How often each `id-<i>-end` stands in the topic. */
async function idsInTopic(): Promise<Map<string, number>> {
  const cluster = await openCluster(createKafkaClient(testStack().kafka))
  const found = new Map<string, number>()
  try {
    for await (const { record } of readTopic(cluster.view, world.topic)) {
      const [id] = /id-\d+-end/.exec(record.value?.toString('latin1') ?? '') ?? []
      if (id !== undefined) found.set(id, (found.get(id) ?? 0) + 1)
    }
  } finally {
    await cluster.close()
  }
  return found
}

/** All that stands in the files of a spool directory. */
function readSpool(dir: string): string {
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' })
  const files = names.map((name) => join(dir, name)).filter((path) => statSync(path).isFile())
  return files.map((path) => readFileSync(path, 'latin1')).join('')
}

it('sends each good line once, names each bad one, and accounts for all', async () => {
  const rejects = join(world.dir, 'rejects.ndjson')
  const lines = Array.from({ length: 5_000 }, (_, i) => event(i))
  lines[17] = '{"action":'
  lines[1_234] = event(1_234, { actor: { id: 'u', type: 'nobody' } })
  lines[4_999] = event(4_999, { metadata: { big: 'x'.repeat(300_000) } })
  const { code, stdout } = await runCli(['emit', '--json', '--rejects', rejects], world.env, lines.join('\n'))
  expect(code).toBe(3)
  expect(JSON.parse(stdout)).toMatchObject({
    read: 5_000,
    acknowledged: 4_997,
    rejected: 3,
    unacknowledged: 0,
  })
  const named = readFileSync(rejects, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(named.map(({ line, field }) => [line, field])).toEqual([
    [18, ''],
    [1_235, 'actor.type'],
    [5_000, 'event'],
  ])
  expect(named[0].input).toBe('{"action":')
  const ids = await idsInTopic()
  expect(ids.size).toBe(4_997)
  expect([...ids.values()].every((count) => count === 1)).toBe(true)
})

it('sends with the next run what a killed one left in its spool', async () => {
  const spool = ['emit', '--json', '--spool', join(world.dir, 'spool')]
  const offline = { ...world.env, DAYBOOK_KAFKA_BROKERS: '127.0.0.1:1' }
  const { child, ended } = startCli([...spool, '--timeout', '60'], offline)
  child.stdin.write(`${event(10_000)}\n${event(10_001)}\n`)
  await expect.poll(() => readSpool(join(world.dir, 'spool')), { timeout: 20_000 }).toContain('id-10001-end')
  child.kill('SIGKILL')
  await ended
  const { code, stdout } = await runCli(spool, world.env, event(10_002))
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ read: 1, acknowledged: 1 })
  const ids = await idsInTopic()
  for (const i of [10_000, 10_001, 10_002]) expect(ids.get(`id-${i}-end`)).toBe(1)
})

it('gives up with exit code 1 and says what is left when Kafka does not answer', async () => {
  const offline = { ...world.env, DAYBOOK_KAFKA_BROKERS: '127.0.0.1:1' }
  const { code, stdout, stderr } = await runCli(['emit', '--json', '--timeout', '1'], offline, event(1))
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({ read: 1, acknowledged: 0, unacknowledged: 1 })
  expect(stderr).toContain('acknowledged nothing for 1 s')
})
