/** Where the real components of this test run listen. Set by the global setup, or by whoever keeps a stack warm. */
export interface TestStack {
  readonly kafka: { readonly brokers: readonly string[] }
  readonly registry: { readonly url: string }
  readonly clickhouse: { readonly url: string; readonly user: string; readonly password: string }
  readonly s3: {
    readonly endpoint: string
    readonly region: string
    readonly accessKeyId: string
    readonly secretAccessKey: string
  }
}

/** The stack of this run, out of the environment variable `DAYBOOK_TEST_STACK` (JSON). */
export function testStack(): TestStack {
  const json = process.env['DAYBOOK_TEST_STACK']
  if (json === undefined) throw new Error('DAYBOOK_TEST_STACK is not set: run the tests through `npm test`')
  return JSON.parse(json) as TestStack
}
