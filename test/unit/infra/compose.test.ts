import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { localSettings, workerEnvironment } from '../../../operations/settings.ts'
import { COLD_FIELDS, HOT_FIELDS } from '../../../runtime/worker-config.ts'

interface Service {
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly depends_on?: Readonly<Record<string, unknown>>
  readonly build?: { readonly dockerfile: string }
}

const root = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const compose: { services: Record<string, Service>; volumes: Record<string, unknown> } = parse(
  readFileSync(root('docker-compose.yml'), 'utf8'),
  { merge: true },
)
const known = {
  hot: new Set<string>(Object.values(HOT_FIELDS).map(({ env }) => env)),
  cold: new Set<string>(Object.values(COLD_FIELDS).map(({ env }) => env)),
}

/** Read by the C library of the process. */
const isOfLibc = (variable: string) => /^MALLOC_[A-Z_]+$/.test(variable)

it.each(['hot', 'cold'] as const)('the %s worker gets only variables that it reads', (name) => {
  const given = Object.keys(compose.services[name]?.environment ?? {})
  expect(given.length).toBeGreaterThan(5)
  expect(given.filter((variable) => !known[name].has(variable) && !isOfLibc(variable))).toEqual([])
})

it('services, volumes and files that are named exist', () => {
  for (const [name, service] of Object.entries(compose.services)) {
    for (const other of Object.keys(service.depends_on ?? {}))
      expect(compose.services, name).toHaveProperty(other)
    for (const volume of service.volumes ?? [])
      expect(compose.volumes, name).toHaveProperty(volume.split(':')[0] ?? '')
    if (service.build !== undefined) expect(existsSync(root(service.build.dockerfile)), name).toBe(true)
  }
})

it('the local start gives workers only variables that one of them reads', () => {
  const endpoints = {
    kafka: { brokers: ['b:1'] },
    registry: { url: 'http://r' },
    clickhouse: { url: 'http://c', user: 'default', password: '' },
    s3: { endpoint: 'http://s', region: 'r', accessKeyId: 'k', secretAccessKey: 's' },
  }
  const given = Object.keys(workerEnvironment({}, endpoints, localSettings({})))
  expect(given.filter((variable) => !known.hot.has(variable) && !known.cold.has(variable))).toEqual([])
})

it('what the caller has set wins, and a secret kept in a file is not put beside it', () => {
  const endpoints = {
    kafka: { brokers: ['b:1'] },
    registry: { url: 'http://r' },
    clickhouse: { url: 'http://c', user: 'default', password: 'x' },
    s3: { endpoint: 'http://s', region: 'r', accessKeyId: 'k', secretAccessKey: 's' },
  }
  const env = { DAYBOOK_S3_SECRET_ACCESS_KEY_FILE: '/run/key', DAYBOOK_ORG: 'acme' }
  const given = workerEnvironment(env, endpoints, localSettings(env))
  expect(given).toMatchObject({ DAYBOOK_ORG: 'acme', DAYBOOK_CLICKHOUSE_PASSWORD: 'x' })
  expect(given).not.toHaveProperty('DAYBOOK_S3_SECRET_ACCESS_KEY')
})
