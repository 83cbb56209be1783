import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'daybook-clone-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** The PATH without what npm puts in front of it, so that the clone meets the machine's own Node. */
function machinePath(): string {
  return (process.env['PATH'] ?? '')
    .split(':')
    .filter((entry) => !entry.includes('node_modules'))
    .join(':')
}

it.each([10, 11, 12])('a fresh clone starts under npm %i', (version) => {
  const clone = join(dir, 'clone')
  execFileSync('git', ['clone', '--quiet', ROOT, clone])
  const tools = join(dir, 'tools')
  mkdirSync(tools)
  execFileSync('npm', ['install', '--silent', '--prefix', tools, `npm@${version}`], {
    env: { ...process.env, PATH: machinePath() },
  })
  const { stdout, stderr, status } = spawnSync('npm', ['start', '--', '--once', '--json'], {
    cwd: clone,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: {
      PATH: `${join(tools, 'node_modules/.bin')}:${machinePath()}`,
      HOME: process.env['HOME'],
      DAYBOOK_CACHE: process.env['DAYBOOK_CACHE'],
    },
  })
  expect(status, stderr).toBe(0)
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toHaveProperty('endpoints')
})
