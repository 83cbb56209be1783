import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { generateSigningKey } from '../../../proof/node.ts'
import { EXIT } from '../../../runtime/exit-codes.ts'

const folder = mkdtempSync(join(tmpdir(), 'daybook-start-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const { privatePem, publicPem } = generateSigningKey()
const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const goodKey = file('good.key', privatePem)

/** Nothing answers at these addresses: a worker that asked there first would end otherwise, and later. */
const ENV = {
  DAYBOOK_KAFKA_BROKERS: '127.0.0.1:9',
  DAYBOOK_REGISTRY_URL: 'http://127.0.0.1:9',
  DAYBOOK_CLICKHOUSE_URL: 'http://127.0.0.1:9',
  DAYBOOK_S3_BUCKET: 'audit',
  DAYBOOK_ORG: 'acme',
  DAYBOOK_ENVIRONMENT: 'test',
  DAYBOOK_SIGNING_KEY_FILE: goodKey,
}

function start(kind: 'hot' | 'cold', env: Readonly<Record<string, string>>) {
  const main = fileURLToPath(new URL(`../../../consumers/${kind}-main.ts`, import.meta.url))
  const { status, stdout } = spawnSync(process.execPath, [main], {
    env: { ...ENV, ...env },
    encoding: 'utf8',
  })
  const last: { level?: string; err?: { code?: string; message?: string } } = JSON.parse(
    stdout.trimEnd().split('\n').at(-1) ?? '{}',
  )
  return { status, level: last.level, code: last.err?.code, message: last.err?.message ?? '' }
}

const invalid = { status: EXIT.config, level: 'fatal', code: 'DAYBOOK_CONFIG_INVALID' }

describe('a worker whose configuration names a file', () => {
  test.each([
    ['DAYBOOK_SIGNING_KEY_FILE', 'is missing', join(folder, 'missing.key'), 'ENOENT'],
    ['DAYBOOK_SIGNING_KEY_FILE', 'is a folder', folder, 'EISDIR'],
    ['DAYBOOK_SIGNING_KEY_FILE', 'is no key', file('noise.key', 'noise'), 'private key in PEM'],
    ['DAYBOOK_SIGNING_KEY_FILE', 'is the public half', file('half.key', publicPem), 'private key in PEM'],
    ['DAYBOOK_TRUSTED_KEYS_FILE', 'is missing', join(folder, 'missing.pem'), 'ENOENT'],
    ['DAYBOOK_TRUSTED_KEYS_FILE', 'is a private key', file('private.pem', privatePem), 'public keys in PEM'],
  ])('%s that %s ends with the key, the file and the remedy', (key, _what, path, why) => {
    const { message, ...ended } = start('cold', { [key]: path })
    expect(ended).toEqual(invalid)
    expect(message).toContain(`${key} names ${path}`)
    expect(message).toContain(why)
    expect(message).toContain('openssl')
    expect(message).not.toContain('-----BEGIN')
  })

  test('a secret ends with the key and the file', () => {
    const path = join(folder, 'missing-password')
    const { message, ...ended } = start('hot', { DAYBOOK_CLICKHOUSE_PASSWORD_FILE: path })
    expect(ended).toEqual(invalid)
    expect(message).toContain(`DAYBOOK_CLICKHOUSE_PASSWORD_FILE names ${path}`)
  })
})

test.each(['hot', 'cold'] as const)('a %s worker that lacks a setting logs it and ends with 78', (kind) => {
  const { message, ...ended } = start(kind, { DAYBOOK_KAFKA_BROKERS: '' })
  expect(ended).toEqual(invalid)
  expect(message).toContain('DAYBOOK_KAFKA_BROKERS is not set')
})
