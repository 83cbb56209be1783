import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../../../..')
const SDK = join(ROOT, 'producers/sdk')
const SYSTEM_NODES = ['/usr/bin/node', '/usr/local/bin/node']

/** Node as this project pins it, and an older one where this host has it. */
const nodes = [process.execPath, ...SYSTEM_NODES.filter((path) => existsSync(path) && versionOf(path) < 24)]
const home = mkdtempSync(join(tmpdir(), 'daybook-sdk-package-'))

function versionOf(node: string): number {
  return Number.parseInt(execFileSync(node, ['-p', 'process.versions.node']).toString(), 10)
}

function run(node: string, file: string, source: string): string {
  writeFileSync(join(home, file), source)
  return execFileSync(node, ['--no-warnings', file], { cwd: home, encoding: 'utf8' }).trim()
}

/** Emits into a spool without a broker. */
const USE = `
const audit = createAuditLog({ service: { name: 'shop' }, tenant: 'acme', spool: { dir: './spool' },
  transport: kafka({ brokers: ['127.0.0.1:9'], registry: { url: 'http://127.0.0.1:9' } }) })
const { state, sequence } = audit.emit('order.updated', { target: { type: 'order', id: '1' }, actor: { id: 'u', type: 'user' } })
audit.close({ timeoutMs: 50 }).then((drained) => console.log(state, sequence, drained))
`

beforeAll(() => {
  execFileSync('npm', ['pack', '--silent', '--pack-destination', home], { cwd: SDK })
  const [tarball] = readdirSync(home).filter((file) => file.endsWith('.tgz'))
  const installed = join(home, 'node_modules/@daybook/sdk')
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', join(home, tarball ?? ''), '-C', installed, '--strip-components=1'])
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    const target = join(home, 'node_modules', name)
    mkdirSync(join(target, '..'), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), target)
  }
}, 120_000)

afterAll(() => rmSync(home, { recursive: true, force: true }))

describe.each(nodes)('the packed SDK under %s', (node) => {
  test('works as ES module', () => {
    const source = `import { createAuditLog, kafka } from '@daybook/sdk'\n${USE}`
    expect(run(node, 'use.mjs', source)).toBe('spooled 2 false')
  })

  test('works as CommonJS', () => {
    const source = `const { createAuditLog, kafka } = require('@daybook/sdk')\n${USE}`
    expect(run(node, 'use.cjs', source)).toBe('spooled 2 false')
  })

  test('both forms in one process share the context of run()', () => {
    const source = `
import { createRequire } from 'node:module'
import * as esm from '@daybook/sdk'
const cjs = createRequire(import.meta.url)('@daybook/sdk')
const open = (sdk) => sdk.createAuditLog({ service: { name: 's' }, spool: 'memory',
  transport: sdk.kafka({ brokers: ['127.0.0.1:9'], registry: { url: 'http://127.0.0.1:9' } }) })
const [a, b] = [open(esm), open(cjs)]
const event = { target: { type: 'order', id: '1' }, actor: { id: 'u', type: 'user' } }
console.log(esm === cjs, a.run({ tenant: 'acme' }, () => b.emit('x.y', event).state), b.emit('x.y', event).state)
await Promise.all([a.close({ timeoutMs: 0 }), b.close({ timeoutMs: 0 })])
`
    expect(run(node, 'both.mjs', source)).toBe('false buffered refused')
  })

  test('loads without its Kafka client', () => {
    const source = `require('@daybook/sdk'); console.log(Object.keys(require.cache).some((file) => file.includes('kafkajs')))`
    expect(run(node, 'light.cjs', source)).toBe('false')
  })
})

test.each(['mts', 'cts'])('the packed types hold for .%s', (extension) => {
  const file = `types.${extension}`
  writeFileSync(
    join(home, file),
    `import { type AuditLog, createAuditLog, kafka } from '@daybook/sdk'
const audit: AuditLog = createAuditLog({ service: { name: 's' }, spool: 'memory', transport: kafka({ brokers: ['b:1'], registry: { url: 'http://r' } }) })
const sequence: number = audit.emit('a.b', { target: { type: 't', id: '1' } }).sequence
// @ts-expect-error a wrong actor type
audit.emit('a.b', { actor: { id: 'u', type: 'robot' } })
export const result = sequence
`,
  )
  const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')]
  execFileSync(
    process.execPath,
    [
      join(ROOT, 'node_modules/typescript/bin/tsc'),
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--lib',
      'es2024',
      ...types,
      file,
    ],
    { cwd: home, stdio: 'pipe' },
  )
})
