import { readFile } from 'node:fs/promises'
import { createClient } from '@clickhouse/client'
import { describe, expect, it } from 'vitest'
import { splitStatements } from '../../../schemas/sql/split.ts'
import { testStack } from '../../support/stack.ts'

const DIRECTORY = new URL('../../../schemas/sql/', import.meta.url)

describe('SQL for servers that tests do not have', () => {
  for (const file of ['roles.sql', 'cluster/0001-hot-store.sql', 'cluster/0002-expired-gaps.sql']) {
    it(`${file} is read by the engine's parser, statement by statement`, async () => {
      const { url, user, password } = testStack().clickhouse
      const client = createClient({ url, username: user, password })
      const statements = splitStatements(await readFile(new URL(file, DIRECTORY), 'utf8'))
      expect(statements.length).toBeGreaterThan(0)
      for (const text of statements) {
        const result = await client.query({
          query: 'SELECT formatQuery({text:String}) AS formatted',
          query_params: { text },
          format: 'JSONEachRow',
        })
        const [row] = await result.json<{ formatted: string }>()
        expect(row?.formatted).toMatch(/^(CREATE|GRANT|ALTER)/)
      }
      await client.close()
    })
  }
})
