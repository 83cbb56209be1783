import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Component } from '../../../infra/local/components/component.ts'
import { workerComponent } from '../../../infra/local/components/worker.ts'
import { freePort } from '../../../infra/local/ports.ts'
import { createTopics } from '../../../operations/create-topics.ts'
import { migrateHotStore, registerEventSchema } from '../../../operations/event-schema.ts'
import { workerEnvironment } from '../../../operations/settings.ts'
import { testStack } from '../../support/stack.ts'

/** The least that a broker takes. */
const SESSION_MS = 6_000
const stack = testStack()
const run = randomUUID().slice(0, 8)
const dataDir = mkdtempSync(join(tmpdir(), 'daybook-replaced-'))
const settings = {
  topics: [`replaced${run}.standard`],
  quarantineTopic: `replaced${run}.quarantine`,
  bucket: 'none',
}
const started: Component[] = []

beforeAll(async () => {
  await Promise.all([
    createTopics({ kafka: stack.kafka, ...settings, partitions: 1 }),
    registerEventSchema(stack.registry, settings.topics),
    migrateHotStore(stack.clickhouse),
  ])
}, 60_000)
afterAll(async () => {
  await Promise.all(started.map((worker) => worker.stop()))
  rmSync(dataDir, { recursive: true, force: true })
})

async function start(): Promise<{ worker: Component; ready: () => Promise<string> }> {
  const port = await freePort()
  const worker = workerComponent({
    ...{ kind: 'hot', port, dataDir, logFile: join(dataDir, `${port}.log`) },
    env: {
      ...workerEnvironment({ PATH: process.env['PATH'] }, stack, settings),
      DAYBOOK_KAFKA_SESSION_TIMEOUT_MS: String(SESSION_MS),
    },
  })
  started.push(worker)
  await worker.start()
  const ready = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
    return answer.ok ? 'ready' : await answer.text()
  }
  return { worker, ready }
}

const soon = { timeout: 30_000 }

it('a worker is ready when the group has taken it in: at once beside living ones, after a death once that is noticed', {
  timeout: 120_000,
}, async () => {
  const first = await start()
  await expect.poll(first.ready, soon).toBe('ready')

  // A rolling update starts it while the other still has the only partition.
  const surplus = await start()
  await expect.poll(surplus.ready, soon).toBe('ready')
  expect(await first.ready()).toBe('ready')
  await surplus.worker.stop()

  await first.worker.kill('SIGKILL')
  const diedAt = Date.now()
  const replacement = await start()
  expect(await replacement.ready()).toContain('waiting for the group')
  await expect.poll(replacement.ready, soon).toBe('ready')
  expect(Date.now() - diedAt).toBeGreaterThan(SESSION_MS / 2)
})
