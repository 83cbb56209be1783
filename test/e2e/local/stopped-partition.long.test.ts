import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { StackState } from '../../../infra/local/stack-state.ts'
import { descendants, type NpmStart, npmStart, stillRunning } from '../../support/npm-start.ts'

const CLI = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url))
const TOPIC = 'audit.events.standard'

let dataDir: string
let started: NpmStart | null = null

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'daybook-stopped-'))
})
afterEach(async () => {
  const all = descendants(started?.child.pid)
  started?.child.kill('SIGKILL')
  await expect.poll(() => stillRunning(all), { timeout: 40_000 }).toEqual([])
  rmSync(dataDir, { recursive: true, force: true })
})

function start(): NpmStart {
  started = npmStart(dataDir)
  return started
}

const stateFile = () => join(dataDir, 'stack.json')

/** Workers do not read a topic whose times are the producers'. */
async function stopTopic(): Promise<void> {
  const state: StackState = JSON.parse(readFileSync(stateFile(), 'utf8'))
  const admin = new Kafka({
    brokers: [...state.endpoints.kafka.brokers],
    logLevel: logLevel.NOTHING,
  }).admin()
  await admin.connect()
  const configEntries = [
    { name: 'message.timestamp.type', value: 'CreateTime' },
    { name: 'retention.ms', value: String(7 * 86_400_000) },
  ]
  // 2: a topic.
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: TOPIC, configEntries }] })
  await admin.disconnect()
}

function status() {
  const { NODE_OPTIONS: _, ...env } = process.env
  const { stdout, status: code } = spawnSync(process.execPath, [CLI, 'status', '--json'], {
    encoding: 'utf8',
    env: { ...env, DAYBOOK_DATA_DIR: dataDir },
  })
  return { code, answer: JSON.parse(stdout) }
}

it('npm start on data with a stopped partition says which and what to do, and goes on running', {
  timeout: 300_000,
}, async () => {
  const first = start()
  await first.json
  await stopTopic()
  first.child.kill('SIGTERM')
  expect(await first.exit).toBe(0)
  expect(existsSync(stateFile())).toBe(false)

  const again = start()
  await expect.poll(again.stderr, { timeout: 90_000 }).toContain('… its events become queryable')
  // Another shell finds the servers although nothing has come yet.
  expect(status()).toMatchObject({
    code: 1,
    answer: {
      local: { pid: expect.any(Number) },
      topicFindings: expect.arrayContaining([expect.objectContaining({ topic: TOPIC })]),
    },
  })
  expect(await again.json).toMatchObject({
    standstill: expect.stringMatching(new RegExp(`${TOPIC}/\\d by DAYBOOK_KAFKA_TOPIC_CONFIG`)),
    endpoints: { kafka: expect.any(String) },
  })
  await expect.poll(again.stderr, { timeout: 10_000 }).toContain('Ctrl-C ends everything')
  expect(again.stderr()).toMatch(/✗ its events become queryable: the hot worker has stopped .*TOPIC_CONFIG/)
  expect(again.stderr()).toContain('npm run daybook -- status')
  again.child.kill('SIGTERM')
  expect(await again.exit).toBe(0)
})
