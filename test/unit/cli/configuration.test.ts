import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { NEEDS, resolveConfiguration, settingsOf } from '../../../cli/configuration.ts'
import { type Claim, claimDataDir } from '../../../infra/local/stack-state.ts'

let dir: string
let claim: Claim | null = null

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'daybook-cli-'))
})
afterEach(() => {
  claim?.release()
  claim = null
  rmSync(dir, { recursive: true, force: true })
})

/** As a start does when it is up. */
function start(): void {
  claim = claimDataDir(dir)
  claim?.publish({
    pid: process.pid,
    endpoints: {
      kafka: { brokers: ['local:1'] },
      registry: { url: 'http://local:2', auth: { username: 'registrar', password: 'of the local one' } },
      clickhouse: { url: 'http://local:3', user: 'default', password: 'of the local one' },
      s3: { endpoint: 'http://local:4', region: 'r', accessKeyId: 'k', secretAccessKey: 's' },
    },
    bucket: 'local-bucket',
    topics: ['audit.events.standard'],
    quarantineTopic: 'audit.quarantine',
    logDir: dir,
  })
}

it('finds the servers of the start that runs here', () => {
  start()
  const env = { DAYBOOK_DATA_DIR: dir }
  expect(settingsOf(env, { ...NEEDS.kafka, ...NEEDS.s3 })).toMatchObject({
    kafkaBrokers: ['local:1'],
    s3Endpoint: 'http://local:4',
    s3Bucket: 'local-bucket',
  })
  expect(resolveConfiguration(env).env['DAYBOOK_SIGNING_KEY_FILE']).toBe(join(dir, 'keys', 'worker.key'))
})

it('lets the environment win, and gives no password of the local server to another', () => {
  start()
  const env = { DAYBOOK_DATA_DIR: dir, DAYBOOK_CLICKHOUSE_URL: 'http://elsewhere:8123' }
  const { clickhouseUrl, clickhousePassword } = settingsOf(env, NEEDS.clickhouse)
  expect(new URL(clickhouseUrl).host).toBe('elsewhere:8123')
  expect(clickhousePassword ?? '').toBe('')
  expect(settingsOf(env, NEEDS.kafka).kafkaBrokers).toEqual(['local:1'])
})

it('registers schemas as the local registry wants it, and keeps its login from another registry', () => {
  start()
  const env = { DAYBOOK_DATA_DIR: dir }
  const local = { registryUsername: 'registrar', registryPassword: 'of the local one' }
  expect(settingsOf(env, NEEDS.registry)).toMatchObject(local)
  const elsewhere = { ...env, DAYBOOK_REGISTRY_URL: 'http://elsewhere:8081' }
  expect(settingsOf(elsewhere, NEEDS.registry)).toMatchObject({
    registryUsername: null,
    registryPassword: null,
  })
  const own = { ...env, DAYBOOK_REGISTRY_USERNAME: 'me', DAYBOOK_REGISTRY_PASSWORD: 'mine' }
  expect(settingsOf(own, NEEDS.registry)).toMatchObject({ registryUsername: 'me', registryPassword: 'mine' })
})

it('says how to go on where nothing runs and nothing is set', () => {
  expect(() => settingsOf({ DAYBOOK_DATA_DIR: dir }, NEEDS.registry)).toThrow(
    /DAYBOOK_REGISTRY_URL.*npm start/s,
  )
})
