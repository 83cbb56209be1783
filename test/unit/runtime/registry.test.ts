import { afterEach, describe, expect, it } from 'vitest'
import { createRegistryReader, type RegistryReader } from '../../../runtime/registry.ts'
import { type FakeAnswer, type FakeRegistry, startFakeRegistry } from '../../support/fake-registry.ts'

let registry: FakeRegistry | undefined

afterEach(async () => {
  await registry?.close()
  registry = undefined
})

async function reader(
  answer: (path: string) => FakeAnswer | Promise<FakeAnswer>,
  options: object = {},
): Promise<RegistryReader> {
  registry = await startFakeRegistry(answer)
  return createRegistryReader({ url: registry.url, timeoutMs: 1000, ...options })
}

const version = (body: object = {}): FakeAnswer => ({
  status: 200,
  body: { subject: 's', version: 1, id: 7, schema: '{"x":1}', ...body },
})

describe('what stands under a subject', () => {
  it('is read with what was deleted softly, whatever the name of the subject', async () => {
    const read = await reader((path) =>
      path.includes('/versions?') ? { status: 200, body: [3, 1] } : version(),
    )
    expect(await read.versions('a/b-value')).toEqual([3, 1])
    expect(await read.version('a/b-value', 3)).toEqual({ id: 7, text: '{"x":1}', schemaType: 'AVRO' })
    expect(registry?.asked).toEqual([
      '/api/subjects/a%2Fb-value/versions?deleted=true',
      '/api/subjects/a%2Fb-value/versions/3?deleted=true',
    ])
  })

  it('is nothing when the registry itself says so', async () => {
    const none = await reader(() => ({ status: 404, body: { error_code: 40401 } }))
    expect(await none.versions('s')).toEqual([])
    const gone = await reader(() => ({ status: 404, body: { error_code: 40402 } }))
    expect(await gone.version('s', 1)).toBeNull()
  })

  it('of another kind keeps its type', async () => {
    const read = await reader(() => version({ schemaType: 'JSON' }))
    expect(await read.version('s', 1)).toMatchObject({ schemaType: 'JSON' })
  })

  it('is asked for with eight requests at a time', async () => {
    const read = await reader(() => version())
    await Promise.all(Array.from({ length: 60 }, (_, n) => read.version('s', n)))
    expect(registry?.peak()).toBeLessThanOrEqual(8)
  })

  it('is not read to its end when it is larger than any schema, and counts as none', async () => {
    const read = await reader(() => version({ schema: 'x'.repeat(5 * 1024 * 1024) }))
    expect(await read.version('s', 1)).toBeNull()
    await expect(read.versions('s')).rejects.toMatchObject({
      code: 'DAYBOOK_REGISTRY_ANSWER_TOO_LARGE',
      retryable: true,
    })
  })
})

describe('a failure is never taken for a version that is absent', () => {
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
      { status: 404, body: { error_code: 40403 } },
      'DAYBOOK_REGISTRY_BAD_ANSWER',
      true,
    ],
    ['a page instead of a schema', { status: 200, body: '<html>' }, 'DAYBOOK_REGISTRY_BAD_ANSWER', true],
    ['JSON without a schema', { status: 200, body: {} }, 'DAYBOOK_REGISTRY_BAD_ANSWER', true],
    ['no JSON at all', { status: 200, body: '' }, 'DAYBOOK_REGISTRY_BAD_ANSWER', true],
    ['a schema that is no text', version({ schema: {} }), 'DAYBOOK_REGISTRY_BAD_ANSWER', true],
    ['an id that is no number', version({ id: '7' }), 'DAYBOOK_REGISTRY_BAD_ANSWER', true],
    ['a list', { status: 200, body: [[]] }, 'DAYBOOK_REGISTRY_BAD_ANSWER', true],
  ]
  it.each(cases)('%s', async (_name, answer, code, retryable) => {
    const read = await reader(() => answer)
    await expect(read.version('s', 1)).rejects.toMatchObject({ code, retryable })
    await expect(read.versions('s')).rejects.toMatchObject({ code, retryable })
  })

  it('no server, and one that does not answer in time', async () => {
    const nowhere = createRegistryReader({ url: 'http://127.0.0.1:9', timeoutMs: 1000 })
    const failure = { code: 'DAYBOOK_REGISTRY_UNREACHABLE', retryable: true, scope: 'partition' }
    await expect(nowhere.versions('s')).rejects.toMatchObject(failure)
    const silent = await reader(() => new Promise(() => undefined), { timeoutMs: 30 })
    await expect(silent.versions('s')).rejects.toMatchObject(failure)
  })

  it("credentials that are refused are the worker's own fault", async () => {
    const read = await reader(() => ({ status: 401, body: '' }))
    await expect(read.versions('s')).rejects.toMatchObject({ scope: 'worker', retryable: false })
  })
})

it('the password goes to the registry and nowhere else', async () => {
  let sent: string | undefined
  registry = await startFakeRegistry((_path, request) => {
    sent = request.headers.authorization
    return { status: 403, body: '' }
  })
  const auth = { username: 'worker', password: 'hush-hush' }
  const read = createRegistryReader({ url: registry.url, timeoutMs: 1000, auth })
  const error = await read.versions('s').catch((e: unknown) => e)
  expect(sent).toBe(`Basic ${Buffer.from('worker:hush-hush').toString('base64')}`)
  expect(JSON.stringify(error) + String(error)).not.toContain('hush')
})
