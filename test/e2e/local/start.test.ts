import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type NpmStart, npmStart, processesWith } from '../../support/npm-start.ts'

let dataDir: string
const started: ChildProcess[] = []

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'daybook-start-'))
})
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  await expect.poll(() => processesWith(dataDir), { timeout: 30_000 }).toEqual([])
  rmSync(dataDir, { recursive: true, force: true })
})

function start(...flags: string[]): NpmStart {
  const made = npmStart(dataDir, ...flags)
  started.push(made.child)
  return made
}

describe('npm start', { timeout: 180_000 }, () => {
  it('is found by a second start, and takes everything with it when it is killed', async () => {
    const first = start()
    const told = await first.json
    const second = start()
    expect(await second.json).toMatchObject({ endpoints: told['endpoints'] ?? 'none' })
    expect(await second.exit).toBe(0)
    expect(JSON.parse(readFileSync(join(dataDir, 'stack.json'), 'utf8'))).toMatchObject({
      bucket: told['bucket'],
    })

    expect(processesWith(dataDir).length).toBeGreaterThanOrEqual(4)
    first.child.kill('SIGKILL')
    await expect.poll(() => processesWith(dataDir), { timeout: 30_000 }).toEqual([])
  })

  it('ends by SIGTERM with status 0 and can be started again on its data', async () => {
    const first = start()
    await first.json
    first.child.kill('SIGTERM')
    expect(await first.exit).toBe(0)
    expect(processesWith(dataDir)).toEqual([])
    const again = start()
    expect(await again.json).toMatchObject({ bucket: 'daybook-archive' })
  })

  it('with --once shows that all that was emitted is queryable and locked, and leaves nothing behind', async () => {
    const { json, exit } = start('--once')
    const told = await json
    expect(await exit).toBe(0)
    expect(told).toMatchObject({
      lost: 0,
      duplicated: 0,
      view: 'daybook.audit',
      topic: 'audit.events.standard',
      credentials: { registry: { username: 'registrar', password: expect.stringMatching(/^.{32}$/) } },
    })
    expect(told['emitted']).toBeGreaterThan(200)
    expect([told['queryable'], told['archived']]).toEqual([told['emitted'], told['emitted']])
  })
})
