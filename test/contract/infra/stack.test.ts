import { expect, it } from 'vitest'
import { testStack } from '../../support/stack.ts'

it('reaches the stack that the global setup started', async () => {
  const { clickhouse, registry } = testStack()
  expect(await (await fetch(`${clickhouse.url}/?query=SELECT%201`)).text()).toBe('1\n')
  expect((await fetch(`${registry.url}/subjects`)).status).toBe(200)
})
