import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { component, type ProgramEnd } from '../../../../infra/local/components/component.ts'
import { Keeper, type KeeperOptions } from '../../../../infra/local/keep-running.ts'
import type { DaybookError } from '../../../../schemas/errors.ts'
import { LeapingClock, stillClock } from '../../runtime/manual-clock.ts'

const lines: string[] = []
const log = { line: (text: string) => lines.push(text), step: () => ({ done: () => {}, fail: () => {} }) }
const given: DaybookError[] = []
let ending: AbortController

beforeEach(() => {
  lines.length = 0
  given.length = 0
  ending = new AbortController()
})
afterEach(() => ending.abort())

function keeper(options: Partial<KeeperOptions> = {}): Keeper {
  return new Keeper({ log, signal: ending.signal, onGivenUp: (error) => given.push(error), ...options })
}

/** A component whose starts end as `outcomes` say, one after the other; then they succeed. */
function scripted(outcomes: readonly ('up' | 'ends')[]) {
  let ended: (end: ProgramEnd) => void = () => {}
  let starts = 0
  const last: ProgramEnd = { status: 70, code: 'DAYBOOK_TEST_CODE' }
  return {
    name: 'program',
    logFile: '/logs/program.log',
    start: async () => {
      if (outcomes[starts++] === 'ends') throw new Error('ended while starting')
    },
    lastEnd: () => last,
    onUnexpectedExit: (listener: (end: ProgramEnd) => void) => {
      ended = listener
    },
    starts: () => starts,
    end: () => ended(last),
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('the keeper', () => {
  it('starts again after pauses that grow to 30 s while the starts fail, and says why', async () => {
    const clock = new LeapingClock()
    const program = scripted(['ends', 'ends', 'ends', 'ends', 'ends', 'ends', 'up'])
    keeper({ clock }).keep(program)
    program.end()
    await expect.poll(program.starts).toBe(7)
    expect(clock.sleeps).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    expect(lines[0]).toBe(
      '✗ program ended with status 70, DAYBOOK_TEST_CODE (see /logs/program.log); it is started again in 1 s',
    )
    expect(lines.at(-1)).toBe('✓ program runs again')
  })

  it('goes on with longer pauses where it runs only for a short time, and begins anew after a steady one', async () => {
    const clock = new LeapingClock()
    const program = scripted([])
    keeper({ clock }).keep(program)
    for (const steadyMs of [0, 59_000, 61_000]) {
      clock.nowMs += steadyMs
      program.end()
      await settled()
    }
    expect(clock.sleeps).toEqual([1_000, 2_000, 1_000])
  })

  it('gives up where it is told to, after so many ends in a row', async () => {
    const program = scripted(['ends', 'ends', 'ends', 'ends'])
    keeper({ clock: new LeapingClock(), mostInARow: 3 }).keep(program)
    program.end()
    await expect.poll(() => given.length).toBe(1)
    expect(program.starts()).toBe(3)
    expect(given[0]).toMatchObject({ code: 'DAYBOOK_LOCAL_COMPONENT_FAILED' })
    expect(given[0]?.message).toContain('DAYBOOK_TEST_CODE')
  })

  it.each(['abort', 'stop', 'release'] as const)('starts nothing after %s', async (how) => {
    const program = scripted([])
    const kept = keeper({ clock: how === 'release' ? new LeapingClock() : stillClock })
    kept.keep(program)
    if (how === 'release') kept.release(program)
    program.end()
    await settled()
    if (how === 'abort') ending.abort()
    if (how === 'stop') kept.stop()
    await settled()
    expect(program.starts()).toBe(0)
  })
})

describe('a program that ends by itself', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'daybook-keep-'))
  })
  afterEach(() => rmSync(dir, { recursive: true, force: true }))

  it.each([
    [
      'what it says that it ends for is told',
      'fatal',
      /^✗ program ended with status 137, DAYBOOK_TEST_SECOND \(/,
    ],
    ['what it only reported is not told as the cause', 'error', /^✗ program ended with status 137 \(/],
  ])('is started again, and its status is told; %s', async (_, level, expected) => {
    const logFile = join(dir, 'program.log')
    writeFileSync(logFile, '{"level":"fatal","err":{"code":"DAYBOOK_OF_AN_EARLIER_RUN"}}\n')
    const last = `{"level":"${level}","code":"DAYBOOK_TEST_SECOND","err":{"code":"DAYBOOK_TEST_SECOND"}}`
    const script = `echo '{"level":"error","code":"DAYBOOK_TEST_FIRST"}'; echo '${last}'; while :; do sleep 0.05; done`
    const program = component({
      ...{ name: 'program', command: '/bin/sh', args: ['-c', script], env: process.env, cwd: dir, logFile },
      graceSeconds: 1,
      probe: async () => {},
    })
    await program.start()
    const before = program.pid()
    keeper({ clock: new LeapingClock() }).keep(program)
    await expect.poll(() => logged(logFile)).toContain('DAYBOOK_TEST_SECOND')
    process.kill(before ?? 0, 'SIGKILL')
    await expect.poll(() => lines.at(-1), { timeout: 5_000 }).toBe('✓ program runs again')
    expect(lines[0]).toMatch(expected)
    expect(program.pid()).not.toBe(before)
    await program.stop()
    expect(program.pid()).toBeNull()
    expect(lines).toHaveLength(2)
  })
})

function logged(file: string): string {
  return readFileSync(file, 'utf8')
}
