import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readColdConfig, readHotConfig } from '../../../runtime/worker-config.ts'

const HOT = {
  DAYBOOK_KAFKA_BROKERS: 'kafka-1:9092,kafka-2:9092',
  DAYBOOK_REGISTRY_URL: 'http://registry:8081/',
  DAYBOOK_CLICKHOUSE_URL: 'http://clickhouse:8123',
}
const COLD = {
  DAYBOOK_KAFKA_BROKERS: 'kafka:9092',
  DAYBOOK_REGISTRY_URL: 'http://registry:8081',
  DAYBOOK_S3_BUCKET: 'audit',
  DAYBOOK_ORG: 'acme',
  DAYBOOK_ENVIRONMENT: 'prod',
  DAYBOOK_SIGNING_KEY_FILE: '/run/key',
}

function faultsOf(read: () => unknown): string {
  try {
    read()
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
  return ''
}

describe('the configuration', () => {
  it('is typed and has defaults', () => {
    expect(readHotConfig(HOT)).toMatchObject({
      kafkaBrokers: ['kafka-1:9092', 'kafka-2:9092'],
      kafkaSsl: false,
      saslMechanism: null,
      topics: ['audit.events.standard', 'audit.events.hipaa'],
      quarantineTopic: 'audit.quarantine',
      registryUrl: 'http://registry:8081',
      clickhousePassword: null,
      httpPort: 8080,
      logLevel: 'info',
    })
    expect(readColdConfig(COLD).retention).toEqual(
      new Map([
        ['standard', 365],
        ['hipaa', 2190],
      ]),
    )
  })

  it('names every fault at once, and never a secret', () => {
    const faults = faultsOf(() =>
      readHotConfig({
        DAYBOOK_KAFKA_BROKERS: 'a:1,,b:2',
        DAYBOOK_KAFKA_SSL: 'yes',
        DAYBOOK_CLICKHOUSE_URL: 'ftp://x',
        DAYBOOK_HTTP_PORT: '99999',
        DAYBOOK_LOG_LEVEL: 'loud',
        DAYBOOK_CLICKHOUSE_PASSWORD: 'hunter2',
        DAYBOOK_CLICKHOUSE_PASSWORD_FILE: '/no/such/file',
      }),
    )
    for (const key of [
      'KAFKA_BROKERS',
      'KAFKA_SSL',
      'CLICKHOUSE_URL',
      'HTTP_PORT',
      'LOG_LEVEL',
      'REGISTRY_URL',
    ]) {
      expect(faults).toContain(`DAYBOOK_${key}`)
    }
    expect(faults).toContain('DAYBOOK_CLICKHOUSE_PASSWORD_FILE names /no/such/file')
    expect(faults).toContain('are both set')
    expect(faults).not.toContain('hunter2')
  })

  it('reads a secret from a file, without its last line break', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'daybook-config-')), 'password')
    writeFileSync(path, ' with space \n')
    expect(readHotConfig({ ...HOT, DAYBOOK_CLICKHOUSE_PASSWORD_FILE: path }).clickhousePassword).toBe(
      ' with space ',
    )
  })

  it.each([
    [
      'SASL in part',
      { DAYBOOK_KAFKA_SASL_USERNAME: 'u' },
      /SASL_MECHANISM, _USERNAME and _PASSWORD belong together/,
    ],
    ['a broker without port', { DAYBOOK_KAFKA_BROKERS: 'kafka' }, /kafka is not host:port/],
    ['credentials in a URL', { DAYBOOK_REGISTRY_URL: 'http://u:p@registry' }, /must not hold credentials/],
    ['a topic named twice', { DAYBOOK_TOPICS: 'a,a' }, /names an item twice/],
    ['rows beyond one insert', { DAYBOOK_CUT_ROWS: '500001' }, /from 1 to 500000/],
  ])('refuses %s', (_, env, message) => {
    expect(faultsOf(() => readHotConfig({ ...HOT, ...env }))).toMatch(message)
  })

  it.each([
    ['one S3 key of two', { DAYBOOK_S3_ACCESS_KEY_ID: 'x' }, /belong together/],
    [
      'a topic whose class has no retention',
      { DAYBOOK_TOPICS: 'audit.events.sox' },
      /no days for the class of audit.events.sox/,
    ],
    ['retention without unit', { DAYBOOK_RETENTION: 'standard=365' }, /must be <class>=<days>d/],
  ])('of the archive refuses %s', (_, env, message) => {
    expect(faultsOf(() => readColdConfig({ ...COLD, ...env }))).toMatch(message)
  })
})
