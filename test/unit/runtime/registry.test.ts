import { afterEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../../runtime/clock.ts'
import { createRegistryReader, type RegistryReader } from '../../../runtime/registry.ts'
import {
  type FakeAnswer,
  type FakeRegistry,
  NO_SUCH_SCHEMA,
  startFakeRegistry,
} from '../../support/fake-registry.ts'

let registry: FakeRegistry | undefined
let now = 0
let slept = 0
/** Sleeping takes no time here, but is counted. */
const clock: Clock = {
  now: () => now,
  sleep: async (ms) => {
    slept += ms
  },
  after: () => () => undefined,
}

afterEach(async () => {
  await registry?.close()
  registry = undefined
  slept = 0
})

async function reader(
  answer: (path: string) => FakeAnswer | Promise<FakeAnswer>,
  options: object = {},
): Promise<RegistryReader> {
  registry = await startFakeRegistry(answer)
  return createRegistryReader({ url: registry.url, clock, timeoutMs: 1000, negativeTtlMs: 1000, ...options })
}

function askedFor(id: number): number {
  return registry?.asked.filter((path) => path === `/api/schemas/ids/${id}`).length ?? 0
}

const known: FakeAnswer = { status: 200, body: { schema: '{"x":1}' } }

describe('a schema id', () => {
  it('that is known is asked for once, by many callers at once and later', async () => {
    const read = await reader(() => known)
    const all = await Promise.all([1, 1, 1, 1].map((id) => read.schemaById(id)))
    expect(all).toEqual(Array(4).fill({ state: 'known', text: '{"x":1}', schemaType: 'AVRO' }))
    now += 1_000_000
    await read.schemaById(1)
    expect(askedFor(1)).toBe(1)
  })

  it('is unknown only when the registry says so twice, some time apart', async () => {
    let asked = 0
    const read = await reader(() => (++asked === 1 ? NO_SUCH_SCHEMA : known))
    expect(await read.schemaById(1)).toMatchObject({ state: 'known' })
    expect([asked, slept > 0]).toEqual([2, true])
  })

  it('that is unknown is believed unknown for a while, then asked again', async () => {
    let answer = NO_SUCH_SCHEMA
    const read = await reader(() => answer)
    expect(await read.schemaById(1)).toEqual({ state: 'unknown' })
    await read.schemaById(1)
    expect(askedFor(1)).toBe(2)
    answer = known
    now += 1001
    expect(await read.schemaById(1)).toMatchObject({ state: 'known' })
  })

  it('beyond 31 bits is unknown without asking', async () => {
    const read = await reader(() => known)
    expect(await read.schemaById(0xffffffff)).toEqual({ state: 'unknown' })
    expect(registry?.asked).toEqual([])
  })

  it('of a flood costs eight requests at a time and no lasting memory', async () => {
    const read = await reader(() => NO_SUCH_SCHEMA, { maxEntries: 10 })
    await Promise.all(Array.from({ length: 60 }, (_, id) => read.schemaById(id)))
    expect(registry?.peak()).toBeLessThanOrEqual(8)
    await read.schemaById(0)
    expect(askedFor(0)).toBe(4)
  })
})

describe('a failure is never taken for an unknown id', () => {
  const cases: readonly [string, FakeAnswer, string, boolean][] = [
    ['a server error', { status: 500, body: { error_code: 50001 } }, 'DAYBOOK_REGISTRY_UNREACHABLE', true],
    ['too many requests', { status: 429, body: 'slow down' }, 'DAYBOOK_REGISTRY_UNREACHABLE', true],
    ['401', { status: 401, body: 'who?' }, 'DAYBOOK_REGISTRY_FORBIDDEN', false],
    ['403', { status: 403, body: 'no' }, 'DAYBOOK_REGISTRY_FORBIDDEN', false],
    ["a proxy's 404", { status: 404, body: '<html>' }, 'DAYBOOK_REGISTRY_BAD_ANSWER', true],
    [
      'a 404 in JSON that is not the registry',
      { status: 404, body: { detail: 'Not Found' } },
      'DAYBOOK_REGISTRY_BAD_ANSWER',
      true,
    ],
    [
      'a 404 of another kind',
      { status: 404, body: { error_code: 40401 } },
      'DAYBOOK_REGISTRY_BAD_ANSWER',
      true,
    ],
    ['a page instead of a schema', { status: 200, body: '<html>' }, 'DAYBOOK_REGISTRY_BAD_ANSWER', true],
    ['JSON without a schema', { status: 200, body: {} }, 'DAYBOOK_REGISTRY_BAD_ANSWER', true],
  ]
  it.each(cases)('%s', async (_name, answer, code, retryable) => {
    const read = await reader(() => answer)
    await expect(read.schemaById(1)).rejects.toMatchObject({ code, retryable })
    await expect(read.schemaById(1)).rejects.toMatchObject({ code })
    expect(askedFor(1)).toBe(2)
  })

  it('no server, and one that does not answer in time', async () => {
    const nowhere = createRegistryReader({ url: 'http://127.0.0.1:9', clock, timeoutMs: 1000 })
    await expect(nowhere.schemaById(1)).rejects.toMatchObject({
      code: 'DAYBOOK_REGISTRY_UNREACHABLE',
      retryable: true,
    })
    const silent = await reader(() => new Promise(() => undefined), { timeoutMs: 30 })
    await expect(silent.schemaById(1)).rejects.toMatchObject({
      code: 'DAYBOOK_REGISTRY_UNREACHABLE',
      retryable: true,
    })
  })
})

it('the password goes to the registry and nowhere else', async () => {
  let sent: string | undefined
  registry = await startFakeRegistry((_path, request) => {
    sent = request.headers.authorization
    return { status: 403, body: '' }
  })
  const auth = { username: 'worker', password: 'hush-hush' }
  const read = createRegistryReader({ url: registry.url, clock, timeoutMs: 1000, auth })
  const error = await read.schemaById(1).catch((e: unknown) => e)
  expect(sent).toBe(`Basic ${Buffer.from('worker:hush-hush').toString('base64')}`)
  expect(JSON.stringify(error) + String(error)).not.toContain('hush')
})
