import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { descendants, type NpmStart, npmStart, stillRunning } from '../../support/npm-start.ts'

let dataDir: string
let started: NpmStart | null = null

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'daybook-told-'))
})
afterEach(async () => {
  const all = descendants(started?.child.pid)
  started?.child.kill('SIGKILL')
  await expect.poll(() => stillRunning(all), { timeout: 40_000 }).toEqual([])
  rmSync(dataDir, { recursive: true, force: true })
})

async function startUntil(text: string, ...flags: string[]): Promise<NpmStart> {
  const made = npmStart(dataDir, ...flags)
  started = made
  await tells(made, text)
  return made
}

async function tells(start: NpmStart, text: string): Promise<void> {
  await expect.poll(start.stderr, { timeout: 60_000 }).toContain(text)
}

function pidOf({ child }: NpmStart, args: string): number {
  const found = descendants(child.pid).find(
    (one) => one.args.includes(args) && !one.args.includes('supervise.sh'),
  )
  if (found === undefined) throw new Error(`no ${args} runs`)
  return found.pid
}

/** A worker that ends at once however often it is started: its key is gone. */
async function breakCold(start: NpmStart): Promise<void> {
  rmSync(join(dataDir, 'keys', 'worker.key'))
  process.kill(pidOf(start, 'cold-main.ts'), 'SIGKILL')
  await tells(start, 'cold worker ended with status 137')
}

/** Ends by one SIGTERM, with this status, and all that it had started is gone with it. */
async function endsBySigterm(start: NpmStart, status: number): Promise<void> {
  const all = descendants(start.child.pid)
  expect(all.length).toBeGreaterThan(1)
  start.child.kill('SIGTERM')
  expect(await start.exit, start.stderr()).toBe(status)
  await expect.poll(() => stillRunning(all), { timeout: 10_000 }).toEqual([])
}

/** Each starts a whole stack, some of them parts of it again. */
describe('npm start ends by SIGTERM', { timeout: 180_000 }, () => {
  it.each(['kafka starts', 'topics, bucket, schema, archive', 'hot and cold worker start'])(
    'while it tells: %s',
    async (phase) => endsBySigterm(await startUntil(`… ${phase}`), 130),
  )

  it('while it waits for events that do not come, because a worker is dead', async () => {
    const start = await startUntil('✓ hot and cold worker start')
    await breakCold(start)
    await tells(start, '… and locked')
    await endsBySigterm(start, 130)
  })

  it('while it runs, with a worker that cannot be started; what can be was started again', async () => {
    const start = await startUntil('Ctrl-C ends everything')
    for (const [args, name] of [
      ['hot-main.ts', 'hot worker'],
      ['versitygw', 's3'],
      ['orders/src/main.ts', 'orders'],
    ] as const) {
      const before = pidOf(start, args)
      process.kill(before, 'SIGKILL')
      await tells(start, `✗ ${name} ended with status 137`)
      await tells(start, `✓ ${name} runs again`)
      expect(pidOf(start, args)).not.toBe(before)
    }
    await breakCold(start)
    await expect
      .poll(() => start.stderr().split('cold worker ended with').length, { timeout: 30_000 })
      .toBe(3)
    expect(start.stderr()).toMatch(/cold worker ended with status 7\d.*started again in 2 s/)
    await endsBySigterm(start, 0)
  })

  it('at once by a second one, though a worker does not drain', async () => {
    const start = await startUntil('✓ hot and cold worker start', '--once')
    const hot = pidOf(start, 'hot-main.ts')
    process.kill(hot, 'SIGSTOP')
    await tells(start, '… its events become queryable')
    const all = descendants(start.child.pid)
    start.child.kill('SIGTERM')
    const again = setInterval(() => start.child.kill('SIGTERM'), 1_500)
    const startedAt = Date.now()
    expect(await start.exit).toBe(130)
    clearInterval(again)
    expect(Date.now() - startedAt).toBeLessThan(15_000)
    await expect.poll(() => stillRunning(all), { timeout: 5_000 }).toEqual([])
  })
})
