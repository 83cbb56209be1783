import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { assertLoginsHaveServers, endpointsFromEnvironment } from '../../../operations/endpoints.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'daybook-endpoints-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const SERVERS = {
  DAYBOOK_KAFKA_BROKERS: 'a:9092, b:9092',
  DAYBOOK_REGISTRY_URL: 'http://registry',
  DAYBOOK_REGISTRY_USERNAME: 'registrar',
  DAYBOOK_CLICKHOUSE_URL: 'http://clickhouse',
  DAYBOOK_S3_ENDPOINT: 'http://s3',
  DAYBOOK_S3_ACCESS_KEY_ID: 'AKIA',
}
const PASSWORDS = [
  'DAYBOOK_REGISTRY_PASSWORD',
  'DAYBOOK_CLICKHOUSE_PASSWORD',
  'DAYBOOK_S3_SECRET_ACCESS_KEY',
] as const

const EXPECTED = {
  kafka: { brokers: ['a:9092', 'b:9092'] },
  registry: {
    url: 'http://registry',
    auth: { username: 'registrar', password: 'DAYBOOK_REGISTRY_PASSWORD!' },
  },
  clickhouse: { url: 'http://clickhouse', user: 'default', password: 'DAYBOOK_CLICKHOUSE_PASSWORD!' },
  s3: {
    endpoint: 'http://s3',
    region: 'us-east-1',
    accessKeyId: 'AKIA',
    secretAccessKey: 'DAYBOOK_S3_SECRET_ACCESS_KEY!',
  },
}

it('passwords are taken from the environment', () => {
  const given = Object.fromEntries(PASSWORDS.map((name) => [name, `${name}!`]))
  expect(endpointsFromEnvironment({ ...SERVERS, ...given })).toEqual(EXPECTED)
})

it('or from the files that it names', () => {
  const files = PASSWORDS.map((name) => {
    const file = join(directory, name)
    writeFileSync(file, `${name}!\n`)
    return [`${name}_FILE`, file]
  })
  expect(endpointsFromEnvironment({ ...SERVERS, ...Object.fromEntries(files) })).toEqual(EXPECTED)
})

it('a file that cannot be read is an error that names the variable', () => {
  const env = { ...SERVERS, DAYBOOK_CLICKHOUSE_PASSWORD_FILE: join(directory, 'none') }
  expect(() => endpointsFromEnvironment(env)).toThrow(/DAYBOOK_CLICKHOUSE_PASSWORD_FILE/)
})

it('a server that is not named is not there', () => expect(endpointsFromEnvironment({})).toEqual({}))

it('a login whose server is not named is an error that names both, because the local server would refuse it', () => {
  const env = { ...SERVERS, DAYBOOK_CLICKHOUSE_URL: '', DAYBOOK_CLICKHOUSE_PASSWORD_FILE: '/run/secrets/ch' }
  expect(() => assertLoginsHaveServers(env)).toThrow(
    /DAYBOOK_CLICKHOUSE_PASSWORD_FILE is set and DAYBOOK_CLICKHOUSE_URL is not/,
  )
  for (const server of [
    'DAYBOOK_KAFKA_BROKERS',
    'DAYBOOK_REGISTRY_URL',
    'DAYBOOK_CLICKHOUSE_URL',
    'DAYBOOK_S3_ENDPOINT',
  ]) {
    const given = { ...SERVERS, DAYBOOK_KAFKA_SSL: 'true', DAYBOOK_CLICKHOUSE_USER: 'me' }
    expect(() => assertLoginsHaveServers({ ...given, [server]: undefined }), server).toThrow(server)
    expect(() => assertLoginsHaveServers(given)).not.toThrow()
  }
  expect(() => assertLoginsHaveServers({ DAYBOOK_CLICKHOUSE_PASSWORD: '' })).not.toThrow()
})
