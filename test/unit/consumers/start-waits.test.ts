import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../../infra/local/ports.ts'
import { generateSigningKey } from '../../../proof/node.ts'

const folder = mkdtempSync(join(tmpdir(), 'daybook-waits-'))
const key = join(folder, 'worker.key')
writeFileSync(key, generateSigningKey().privatePem)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Takes connections and never says a word, as what stands behind a firewall that drops packets. */
const mute: Server = createServer(() => {})
beforeAll(async () => {
  mute.listen(0, '127.0.0.1')
  await once(mute, 'listening')
})
afterAll(() => mute.close())

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

let worker: ChildProcess | null = null
afterEach(() => worker?.kill('SIGKILL'))

interface Started {
  readonly port: number
  readonly child: ChildProcess
  warnings(): readonly { dependency?: string; address?: string; msg?: string }[]
}

async function start(kind: 'hot' | 'cold', servers: number): Promise<Started> {
  const port = await freePort()
  const main = fileURLToPath(new URL(`../../../consumers/${kind}-main.ts`, import.meta.url))
  const child = spawn(process.execPath, [main], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      DAYBOOK_KAFKA_BROKERS: `127.0.0.1:${servers}`,
      DAYBOOK_REGISTRY_URL: `http://127.0.0.1:${servers}`,
      DAYBOOK_CLICKHOUSE_URL: `http://127.0.0.1:${servers}`,
      DAYBOOK_S3_ENDPOINT: `http://127.0.0.1:${servers}`,
      DAYBOOK_S3_ACCESS_KEY_ID: 'key',
      DAYBOOK_S3_SECRET_ACCESS_KEY: 'secret',
      DAYBOOK_S3_BUCKET: 'audit',
      DAYBOOK_ORG: 'acme',
      DAYBOOK_ENVIRONMENT: 'test',
      DAYBOOK_SIGNING_KEY_FILE: key,
      DAYBOOK_HTTP_HOST: '127.0.0.1',
      DAYBOOK_HTTP_PORT: String(port),
    },
  })
  worker = child
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  const warnings = () =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
      .filter(({ level }) => level === 'warn')
  return { port, child, warnings }
}

async function get(port: number, path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null)
  return answer === null ? { status: 0, text: '' } : { status: answer.status, text: await answer.text() }
}

const NEEDED = {
  hot: ['Kafka', 'the schema registry', 'ClickHouse'],
  cold: ['Kafka', 'S3'],
} as const

/** A process start on a busy machine takes a while; what is measured is ten times as long before the mend. */
const SOON = { timeout: 15_000 }

describe.each(['hot', 'cold'] as const)('a %s worker', (kind) => {
  describe.each(['refuses connections', 'never answers'])('whose every server %s', (how) => {
    it('is alive at once, says in log and readiness what it waits for, and ends when it is told to', async () => {
      const servers = how === 'never answers' ? portOf(mute) : await freePort()
      const { port, child, warnings } = await start(kind, servers)
      await expect.poll(() => get(port, '/healthz'), SOON).toMatchObject({ status: 200 })
      for (const name of NEEDED[kind]) {
        await expect
          .poll(() => warnings().find(({ dependency }) => dependency === name), SOON)
          .toMatchObject({ address: expect.stringContaining(`127.0.0.1:${servers}`) })
        expect(await get(port, '/readyz')).toMatchObject({
          status: 503,
          text: expect.stringContaining(`waiting for ${name} at `),
        })
      }
      expect(await get(port, '/healthz')).toMatchObject({ status: 200 })
      child.kill('SIGTERM')
      const [code] = await once(child, 'exit')
      expect(code).toBe(0)
    }, 60_000)
  })
})
