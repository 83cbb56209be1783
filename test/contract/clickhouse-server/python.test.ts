import { beforeAll, expect, test } from 'vitest'
import { useServer } from '../../support/clickhouse/local-server.ts'
import { pythonEnvironment, runPython } from '../../support/python/venv.ts'

const server = useServer()
beforeAll(() => void pythonEnvironment(), 240_000)

test.each(['default', 'off', 'on', 'lz4', 'zstd', 'gzip'])(
  'clickhouse-connect works with compression %s',
  (compression) => {
    const { hostname, port } = new URL(server.url)
    const seen = JSON.parse(runPython('clickhouse_client.py', [hostname, port, compression]))
    expect(seen).toMatchObject({
      written_rows: 2,
      equal: true,
      many: [200_000, 19_999_900_000, 100],
      streamed: 200_000,
      session: 5,
      setting: 777,
      setting_after: 0,
      alive_after: 1,
    })
    expect(seen['unknown_table']).toMatch(/code: 60.*UNKNOWN_TABLE/)
    expect(seen['amid_rows']).toContain('Code: 395')
  },
)
