import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const MODULE = fileURLToPath(new URL('../../../../infra/local/bootstrap/requirements.js', import.meta.url))
let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'daybook-requirements-'))
  mkdirSync(join(dir, 'bin'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** Puts a program of that name into PATH that prints the text. */
function tool(name: string, prints: string): void {
  writeFileSync(join(dir, 'bin', name), `#!/bin/sh\necho '${prints}'\n`, { mode: 0o755 })
}

/** What is missing, in a process that sees only the tools above. */
function missing(env: Record<string, string> = {}, stack = true): { what: string; found: string }[] {
  const script = `import { missingRequirements } from ${JSON.stringify(MODULE)}
    console.log(JSON.stringify(missingRequirements({ root: ${JSON.stringify(dir)}, env: process.env, stack: ${stack} })))`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { PATH: join(dir, 'bin'), DAYBOOK_CACHE: join(dir, 'cache'), ...env },
  })
  return JSON.parse(stdout)
}
const names = (list: { what: string }[]) => list.map(({ what }) => what.split(' ')[0])

describe('the check of the machine', () => {
  it('names everything that is missing at once', () => {
    expect(names(missing())).toEqual(['npm', 'Java', 'Maven', 'Go'])
  })

  it('is content with tools that are new enough', () => {
    tool('npm', '10.8.2')
    tool('java', 'openjdk version "17.0.15" 2025-04-15')
    tool('mvn', 'Apache Maven 3.8.7')
    tool('go', 'go version go1.21.0 linux/amd64')
    expect(missing()).toEqual([])
  })

  it('names the version of a tool that is too old', () => {
    tool('npm', '6.14.18')
    tool('java', 'openjdk version "11.0.2" 2019-01-15')
    tool('mvn', 'Apache Maven 3.5.0')
    tool('go', 'go version go1.19.8 linux/amd64')
    expect(missing().map(({ found }) => found)).toEqual([
      'npm 6.14.18',
      'java 11.0.2',
      'mvn 3.5.0',
      'go 1.19.8',
    ])
  })

  it('reads a Java version without a dot', () => {
    tool('npm', '10.8.2')
    tool('mvn', 'Apache Maven 3.8.7')
    tool('go', 'go version go1.26.8 linux/amd64')
    tool('java', 'openjdk version "26" 2026-03-17')
    expect(missing()).toEqual([])
  })

  it('asks for no build tool whose product is in the cache, nor for what runs elsewhere', () => {
    tool('npm', '10.8.2')
    for (const name of ['kafka-4.1.0', 'apicurio-3.0.9', 'versitygw-1.8.0'])
      mkdirSync(join(dir, 'cache', name), { recursive: true })
    expect(names(missing())).toEqual(['Java'])
    expect(missing({ DAYBOOK_KAFKA_BROKERS: 'b:1', DAYBOOK_REGISTRY_URL: 'http://r' })).toEqual([])
  })

  it('asks for no server tools when only checking', () => {
    tool('npm', '10.8.2')
    expect(missing({}, false)).toEqual([])
  })
})
