import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const REPORTER = join(ROOT, 'test/support/last-line-reporter.ts')
let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'daybook-reporter-'))
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** The last line of a run over these files, and its exit status. */
function lastLine(files: Record<string, string>, settings = ''): { line: string; status: number | null } {
  writeFileSync(
    join(dir, 'vitest.config.ts'),
    `import { LastLineReporter } from ${JSON.stringify(REPORTER)}
     export default { test: { reporters: ['default', new LastLineReporter()], ${settings} } }`,
  )
  for (const [name, body] of Object.entries(files))
    writeFileSync(join(dir, name), `import { it, beforeAll } from 'vitest'\n${body}`)
  const { stdout, status } = spawnSync(
    process.execPath,
    [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run'],
    {
      cwd: dir,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] },
    },
  )
  return { line: stdout.trimEnd().split('\n').at(-1) ?? '', status }
}
const PASSES = `it('a', () => {})\n`

describe('the last line of a run', () => {
  it('counts tests that passed, failed and were skipped', () => {
    const fails = `it('b', () => { throw new Error() })\nit.skip('c', () => {})\n`
    expect(lastLine({ 'a.test.ts': PASSES, 'b.test.ts': PASSES + fails })).toEqual({
      line: '2 passed, 1 failed, 1 skipped',
      status: 1,
    })
  })

  it('says 0 failed when all is well', () => {
    expect(lastLine({ 'a.test.ts': PASSES })).toEqual({ line: '1 passed, 0 failed', status: 0 })
  })

  it('counts a file that cannot be loaded, and a hook that throws, as failed', () => {
    const files = {
      'a.test.ts': PASSES,
      'b.test.ts': `throw new Error()`,
      'c.test.ts': `beforeAll(() => { throw new Error() })\n${PASSES}`,
    }
    expect(lastLine(files).line).toBe('1 passed, 2 failed, 1 skipped')
  })

  it('counts an error outside of any test as failed', () => {
    const late = `it('a', () => { void Promise.reject(new Error()) })\n`
    expect(lastLine({ 'a.test.ts': late }).line).toBe('1 passed, 1 failed')
  })

  it('does not say 0 failed when the set-up broke', () => {
    writeFileSync(join(dir, 'setup.ts'), `export function setup() { throw new Error() }`)
    expect(lastLine({ 'a.test.ts': PASSES }, `globalSetup: ['setup.ts']`)).toEqual({
      line: '0 passed, 1 failed',
      status: 1,
    })
  })
})
