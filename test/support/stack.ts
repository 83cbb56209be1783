import type { Endpoints } from '../../operations/endpoints.ts'

/** Where the real components of this test run listen. Set by the global setup, or by the caller who keeps a stack running. */
export type TestStack = Endpoints

/** The stack of this run, out of the environment variable `DAYBOOK_TEST_STACK` (JSON). */
export function testStack(): TestStack {
  const json = process.env['DAYBOOK_TEST_STACK']
  if (json === undefined) throw new Error('DAYBOOK_TEST_STACK is not set: run the tests through `npm test`')
  return JSON.parse(json) as TestStack
}
