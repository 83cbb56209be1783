import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../../infra/local/log.ts'
import { type Stack, startStack } from '../../../infra/local/stack.ts'
import { createBucket } from '../../../operations/create-bucket.ts'
import { createTopics } from '../../../operations/create-topics.ts'
import { registerSchema } from '../../../operations/registry-admin.ts'

let dataDir: string
let stack: Stack

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'daybook-own-stack-'))
  stack = await startStack({ dataDir, ports: 'free', log: silentLog })
})

afterAll(async () => {
  await stack.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

const registryAccess = () => ({ ...stack.endpoints.registry, timeoutMs: 10_000 })

async function withAdmin<T>(use: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
  const kafka = new Kafka({ brokers: [...stack.endpoints.kafka.brokers], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await use(admin)
  } finally {
    await admin.disconnect()
  }
}

describe('the local stack', () => {
  it('creates topics as the workers demand them, and only once', async () => {
    const options = { kafka: stack.endpoints.kafka, topics: ['t.events'], quarantineTopic: 't.quarantine' }
    expect(await createTopics(options)).toEqual(['t.events', 't.quarantine'])
    expect(await createTopics(options)).toEqual([])
    const { resources } = await withAdmin((admin) =>
      admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: 't.events' }] }),
    )
    const settings = Object.fromEntries(
      (resources[0]?.configEntries ?? []).map((entry) => [entry.configName, entry.configValue]),
    )
    expect(settings).toMatchObject({
      'cleanup.policy': 'delete',
      'message.timestamp.type': 'LogAppendTime',
      'retention.ms': '604800000',
      'max.message.bytes': '2097152',
    })
  })

  it('keeps topics over kill -9 of the broker, on the same port', async () => {
    const { kafka } = stack
    const before = kafka?.pid()
    await kafka?.kill('SIGKILL')
    expect(kafka?.pid()).toBeNull()
    await kafka?.start()
    expect(kafka?.pid()).not.toBe(before)
    expect(await withAdmin((admin) => admin.listTopics())).toContain('t.events')
  })

  it('keeps a schema id that was given out over kill -9 of the registry', async () => {
    const schema = '{"type":"enum","name":"kept","symbols":["a"]}'
    const id = await registerSchema({ ...registryAccess(), subject: 't-value', schema })
    await stack.registry?.kill('SIGKILL')
    await stack.registry?.start()
    const { url } = stack.endpoints.registry
    expect(await (await fetch(`${url}/schemas/ids/${id}`)).json()).toMatchObject({ schema })
  })

  it('lets everybody read schemas, and only the login register or change them', async () => {
    const { url } = stack.endpoints.registry
    const schema = '{"type":"enum","name":"e","symbols":["a"]}'
    const id = await registerSchema({ ...registryAccess(), subject: 'guarded-value', schema })
    const base = new URL('/', url)
    const ask = async (method: string, path: string, body?: object, login?: string) => {
      const answer = await fetch(new URL(path, base), {
        method,
        headers: {
          'content-type': 'application/json',
          ...(login === undefined ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      })
      await answer.arrayBuffer()
      return answer.status
    }
    const ccompat = '/apis/ccompat/v7'
    const versions = `${ccompat}/subjects/guarded-value/versions`
    const rule = { compatibility: 'NONE' }
    const artifact = {
      artifactId: 'a',
      artifactType: 'AVRO',
      firstVersion: { content: { content: schema, contentType: 'application/json' } },
    }
    for (const [method, path, body] of [
      ['POST', versions, { schema }],
      ['POST', `${versions}/`, { schema }],
      ['POST', `${versions};a=b`, { schema }],
      ['POST', `${ccompat}/subjects/new-value/versions`, { schema }],
      ['PUT', `${ccompat}/config/guarded-value`, rule],
      ['PUT', `${ccompat}/config`, rule],
      ['DELETE', `${ccompat}/subjects/guarded-value`],
      ['DELETE', `${versions}/1`],
      ['POST', '/apis/registry/v3/groups/default/artifacts', artifact],
      ['POST', '/apis/registry/v2/groups/default/artifacts', { type: 'string' }],
      ['PUT', '/apis/registry/v3/admin/config/properties/apicurio.auth.anonymous-read-access.enabled', {}],
    ] as const)
      expect(await ask(method, path, body), `${method} ${path}`).toBe(401)
    const { username, password } = stack.endpoints.registry.auth ?? { username: '', password: '' }
    expect(await ask('POST', versions, { schema }, `${username}:wrong`)).toBe(401)
    expect(await ask('PUT', `${ccompat}/config`, rule, `${username}:${password}`)).toBe(403)

    expect(await ask('GET', `${ccompat}/schemas/ids/${id}`)).toBe(200)
    expect(await ask('GET', `${ccompat}/schemas/ids/${id}/versions`)).toBe(200)
    expect(await ask('POST', `${ccompat}/subjects/guarded-value`, { schema })).toBe(200)
    expect(await ask('GET', versions)).toBe(200)
    expect(statSync(join(dataDir, 'keys', 'registrar.password')).mode & 0o777).toBe(0o600)
  })

  it('keeps rows over a restart of ClickHouse', async () => {
    const { url } = stack.endpoints.clickhouse
    const run = async (query: string) => {
      const answer = await fetch(url, { method: 'POST', body: query })
      expect(answer.status).toBe(200)
      return (await answer.text()).trim()
    }
    await run('CREATE TABLE default.kept (x UInt8) ENGINE = MergeTree ORDER BY x')
    await run('INSERT INTO default.kept VALUES (7)')
    await stack.clickhouse?.restart()
    expect(await run('SELECT x FROM default.kept')).toBe('7')
  })

  it('makes a bucket with Object Lock, keeps it over a restart, and refuses one without', async () => {
    await createBucket(stack.endpoints.s3, 'locked')
    await stack.s3?.restart()
    await expect(createBucket(stack.endpoints.s3, 'locked')).resolves.toBeUndefined()

    const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3')
    const { endpoint, region, ...credentials } = stack.endpoints.s3
    const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
    await client.send(new CreateBucketCommand({ Bucket: 'plain' }))
    client.destroy()
    await expect(createBucket(stack.endpoints.s3, 'plain')).rejects.toMatchObject({
      code: 'DAYBOOK_LOCAL_BUCKET_UNLOCKED',
    })
  })

  it('tells when a server ends by itself, and not when it was asked to', async () => {
    const { s3 } = stack
    let unexpected = 0
    s3?.onUnexpectedExit(() => unexpected++)
    await s3?.restart()
    expect(unexpected).toBe(0)
    process.kill(s3?.pid() ?? 0, 'SIGKILL')
    await expect.poll(() => unexpected).toBe(1)
    await s3?.start()
  })

  it('starts only what is not given from outside', async () => {
    const only = mkdtempSync(join(tmpdir(), 'daybook-only-s3-'))
    const { kafka, registry, clickhouse } = stack.endpoints
    const other = await startStack({
      dataDir: only,
      ports: 'free',
      log: silentLog,
      external: { kafka, registry, clickhouse },
    })
    expect(other.components().map(({ name }) => name)).toEqual(['s3'])
    expect(other.endpoints.kafka).toEqual(kafka)
    await other.stop()
    rmSync(only, { recursive: true, force: true })
  })
})
