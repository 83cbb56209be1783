import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createAuditLog, kafka, type Problem } from '../../../../producers/sdk/src/index.ts'
import { testStack } from '../../../support/stack.ts'
import { aTopic, type TestTopic } from './topic.ts'

const NOWHERE = '127.0.0.1:9'

/** Runs the emitting process, kills it after `events` printed ids, and gives the ids. */
async function killed(
  dir: string,
  topic: TestTopic,
  broker: string,
  events: number,
  large = 10,
): Promise<string[]> {
  const script = join(import.meta.dirname, 'emitting-process.ts')
  const registry = JSON.stringify(testStack().registry)
  const child = spawn(
    process.execPath,
    ['--disable-warning=TimeoutNegativeWarning', script, dir, broker, registry, topic.prefix, String(large)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (text.length > events * 37) child.kill('SIGKILL')
  })
  const [, signal] = await once(child, 'close')
  expect(signal).toBe('SIGKILL')
  return text.split('\n').filter((id) => id.length === 36)
}

function open(dir: string, topic: TestTopic) {
  const { kafka: cluster, registry } = testStack()
  const problems: Problem[] = []
  const audit = createAuditLog({
    service: { name: 'survivor' },
    tenant: 'acme',
    spool: { dir },
    transport: kafka({ brokers: cluster.brokers, registry, topicPrefix: topic.prefix }),
    onProblem: (problem) => problems.push(problem),
  })
  return { audit, problems }
}

describe('kill -9 of a process that emits', () => {
  test.each([
    ['while Kafka is reachable', true, 10],
    ['while Kafka is not', false, 10],
    ['in the middle of large writes', false, 100_000],
  ])('loses nothing that emit returned: %s', async (_name, reachable, large) => {
    const topic = await aTopic()
    const dir = mkdtempSync(join(tmpdir(), 'daybook-sdk-'))
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
    const broker = reachable ? (testStack().kafka.brokers[0] ?? '') : NOWHERE
    const ids: string[] = []
    for (const events of [50, 700]) ids.push(...(await killed(dir, topic, broker, events, large)))
    const { audit } = open(dir, topic)
    // A kill in mid-write may leave half a record, which is kept aside.
    const instances = () => readdirSync(dir).filter((name) => name !== 'set-aside')
    await vi.waitFor(() => expect(instances()).toEqual([audit.producerId]), { timeout: 40_000 })
    expect(await audit.close({ timeoutMs: 20_000 })).toBe(true)
    const arrived = await topic.read()
    const known = new Set(arrived.map(({ eventId }) => eventId))
    expect(ids.length).toBeGreaterThan(500)
    expect(ids.filter((id) => !known.has(id))).toEqual([])
    const contents = new Map<string, Buffer>()
    for (const { eventId, value } of arrived) expect(value.equals(contents.get(eventId) ?? value)).toBe(true)
  })
})
