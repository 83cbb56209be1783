import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type StartedClickHouse, startClickHouse } from '../../../infra/local/clickhouse/start.ts'
import { ask, withParameters } from '../../support/clickhouse/http.ts'

let server: StartedClickHouse
let dataDir: string
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'daybook-clickhouse-'))
  server = await startClickHouse({ dataDir })
})
afterAll(async () => {
  await server.close()
  await rm(dataDir, { recursive: true, force: true })
})

const ROW = 'x'.repeat(100)

async function residentBytes(pid: number): Promise<number> {
  const pages = (await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')[1]
  return Number(pages) * 4096
}

/** Reads a result slowly: the server must wait instead of collecting it. */
async function readSlowly(
  sql: string,
  parameters: Record<string, string>,
): Promise<{ bytes: number; peak: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ bytes: number; peak: number }>()
  const outgoing = request(
    withParameters(server.url, parameters),
    { method: 'POST', agent: false },
    (incoming) => {
      const read = async () => {
        let bytes = 0
        let peak = 0
        let nextLook = 0
        for await (const chunk of incoming) {
          bytes += chunk.length
          if (bytes < nextLook) continue
          nextLook = bytes + (8 << 20)
          await sleep(10)
          peak = Math.max(peak, await residentBytes(server.pid))
        }
        return { bytes, peak }
      }
      read().then(resolve, reject)
    },
  )
  outgoing.on('error', reject)
  outgoing.end(sql)
  return promise
}

test('a result of 300 MB streams to a slow client without being held in memory', async () => {
  const sql = `SELECT '${ROW}' FROM numbers(3000000) FORMAT TSV`
  await readSlowly(`SELECT '${ROW}' FROM numbers(300000) FORMAT TSV`, {})
  const before = await residentBytes(server.pid)
  const { bytes, peak } = await readSlowly(sql, {})
  expect(bytes).toBe(3_000_000 * 101)
  expect(peak - before).toBeLessThan(120 << 20)
})

test('with wait_end_of_query=1 a result of 100 MB waits on disk', async () => {
  const { bytes, peak } = await readSlowly(`SELECT '${ROW}' FROM numbers(1000000) FORMAT TSV`, {
    wait_end_of_query: '1',
  })
  expect(bytes).toBe(101_000_000)
  expect(peak).toBeGreaterThan(0)
})

test('a client that leaves amid a large result ends its query', async () => {
  const comment = 'left-amid'
  const url = withParameters(server.url, { log_comment: comment })
  const outgoing = request(url, { method: 'POST', agent: false })
  outgoing.on('error', () => {})
  outgoing.end(`SELECT '${ROW}' FROM system.numbers FORMAT TSV`)
  await new Promise<void>((resolve) =>
    outgoing.once('response', (incoming) => incoming.once('data', () => resolve())),
  )
  outgoing.destroy()
  const running = `SELECT count() FROM system.processes WHERE Settings['log_comment'] = '${comment}'`
  while ((await ask(server.url, running)) !== '0') await sleep(20)
})
