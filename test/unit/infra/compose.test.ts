import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { ENDS_WITHOUT_MEMORY, REQUEST_BOUNDS } from '../../../infra/local/components/kafka.ts'
import { registryAccess } from '../../../infra/local/components/registry.ts'
import { WORKER_LAUNCH } from '../../../infra/local/worker-launch.ts'
import { localSettings, workerEnvironment } from '../../../operations/settings.ts'
import { COLD_FIELDS, HOT_FIELDS } from '../../../runtime/worker-config.ts'

interface Service {
  readonly command?: readonly string[]
  readonly restart?: string
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

it.each(['hot', 'cold'] as const)('the %s worker is started as the local one is, as to memory', (name) => {
  const { command = [], environment = {} } = compose.services[name] ?? {}
  const { nodeFlags, env } = WORKER_LAUNCH[name]
  expect(command).toEqual([
    ...nodeFlags.filter((flag) => !flag.startsWith('--disable-warning')),
    `consumers/${name}-main.ts`,
  ])
  expect(Object.fromEntries(Object.entries(environment).filter(([key]) => isOfLibc(key)))).toEqual(env)
})

it('the registry asks for a login as the local one does, and only `setup` has it', () => {
  const { registry, setup, ...others } = compose.services
  const login = { username: 'registrar', password: '\u0024{REGISTRY_PASSWORD:-daybook-local}' }
  expect(registry?.environment).toMatchObject(registryAccess(login))
  expect(setup?.environment).toMatchObject({
    DAYBOOK_REGISTRY_USERNAME: login.username,
    DAYBOOK_REGISTRY_PASSWORD: login.password,
  })
  for (const { environment } of Object.values(others))
    expect(Object.keys(environment ?? {}).filter((name) => /REGISTR.*(PASSWORD|USER)/.test(name))).toEqual([])
})

it('requests take as much of the broker’s memory as of the local one’s, and it is started again', () => {
  const { environment, restart } = compose.services['kafka'] ?? {}
  const bounds = Object.entries(REQUEST_BOUNDS).map(([name, value]) => [
    `KAFKA_${name.toUpperCase().replaceAll('.', '_')}`,
    value,
  ])
  expect(environment).toMatchObject({ ...Object.fromEntries(bounds), KAFKA_OPTS: ENDS_WITHOUT_MEMORY })
  expect(restart).toBe('on-failure')
})

it('the image holds every file that a file in it imports', () => {
  const copied = [...readFileSync(root('infra/docker/Dockerfile'), 'utf8').matchAll(/^COPY (\S+) \1$/gm)].map(
    ([, path = '']) => path,
  )
  expect(copied.length).toBeGreaterThan(8)
  const ignored = readFileSync(root('.dockerignore'), 'utf8').split('\n')
  expect(copied.filter((path) => !ignored.includes(`!${path}`))).toEqual([])
  const missing = copied.flatMap((path) => filesIn(root(path)).flatMap((file) => importsOf(file)))
  const inside = (file: string) => copied.some((path) => file.startsWith(`${root(path)}/`))
  expect(
    [...new Set(missing.filter((file) => !inside(file)))].filter((file) => !/\/package\.json$/.test(file)),
  ).toEqual([])
})

function filesIn(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.[jt]s$/.test(file))
    .map((file) => join(path, file))
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/^(?:import|export)\s(?:[^'`;]*\sfrom\s)?'(\.[^']+)'/gm)].map(([, to = '']) =>
    join(dirname(file), to),
  )
}

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
