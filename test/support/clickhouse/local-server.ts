import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type StartClickHouseOptions, startClickHouse } from '../../../infra/local/clickhouse/start.ts'

/** The server under contract: the local server on a port of its own, or the real server that the environment names. */
export interface ServerUnderTest {
  readonly url: string
  /** True for a server given by the environment: tests of what only the local server lacks or adds are left out. */
  readonly real: boolean
}

const REAL_URL = process.env['DAYBOOK_CONTRACT_CLICKHOUSE_URL']

/** Starts the server before the tests of a file and ends it after them. */
export function useServer(options: Partial<StartClickHouseOptions> = {}): ServerUnderTest {
  let url = REAL_URL ?? ''
  let close = async () => {}
  beforeAll(async () => {
    if (REAL_URL !== undefined) return
    const dataDir = await mkdtemp(join(tmpdir(), 'daybook-clickhouse-'))
    const server = await startClickHouse({ dataDir, ...options })
    url = server.url
    close = async () => {
      await server.close()
      await rm(dataDir, { recursive: true, force: true })
    }
  })
  afterAll(() => close())
  return {
    get url() {
      return url
    },
    real: REAL_URL !== undefined,
  }
}
