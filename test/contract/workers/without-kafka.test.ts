import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { freePort } from '../../../infra/local/ports.ts'
import { migrateHotStore } from '../../../operations/event-schema.ts'
import { workerEnvironment } from '../../../operations/settings.ts'
import { testStack } from '../../support/stack.ts'

const MAIN = fileURLToPath(new URL('../../../consumers/hot-main.ts', import.meta.url))

it('a worker that has not found a broker yet ends when it is told to', { timeout: 60_000 }, async () => {
  const stack = testStack()
  await migrateHotStore(stack.clickhouse)
  const [port, nobody] = [await freePort(), await freePort()]
  const env = {
    ...workerEnvironment({ PATH: process.env['PATH'] }, stack, {
      topics: ['audit.standard'],
      quarantineTopic: 'audit.quarantine',
      bucket: 'none',
    }),
    DAYBOOK_KAFKA_BROKERS: `127.0.0.1:${nobody}`,
    DAYBOOK_HTTP_PORT: String(port),
  }
  const worker = spawn(process.execPath, [MAIN], { env, stdio: 'ignore' })
  const ended = once(worker, 'exit')
  const isUp = () =>
    fetch(`http://127.0.0.1:${port}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    )
  await vi.waitFor(async () => expect(await isUp()).toBe(true), { timeout: 20_000 })
  worker.kill('SIGTERM')
  const [code] = await ended
  expect(code).toBe(0)
})
