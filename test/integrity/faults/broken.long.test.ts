import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BrokenRun, runBroken } from './broken/broken-run.ts'
import { startWorld, type World } from './world.ts'

/** The harness itself: each of these mistakes is found by the faults that are aimed at it, and none where there is none. */
const directory = mkdtempSync(join(tmpdir(), 'daybook-broken-'))
let world: World

beforeAll(async () => {
  world = await startWorld(directory)
}, 120_000)

afterAll(async () => {
  await world.close()
  if (process.env['DAYBOOK_KEEP_TEST_DATA'] === undefined) rmSync(directory, { recursive: true, force: true })
}, 60_000)

/** Each twice: a rebalance on its own account may get between once. */
const AFTER_DELIVERY = twice({ failpoint: 'commit.before', fault: 'kill' })
const BEFORE_BODY = twice({ failpoint: 'send.before', fault: 'stop' })
const IN_BODY = twice({ failpoint: 'effect.before', fault: 'stop' })

test.each<[string, string, BrokenRun['cells'], RegExp]>([
  ['commits before it delivers', 'commits-before-delivery', BEFORE_BODY.map(kill), /not in the hot table/],
  [
    'begins at the committed offset and asks no tip',
    'no-tip-check',
    AFTER_DELIVERY,
    /twice in the hot table/,
  ],
  ['has no fence', 'no-fence', BEFORE_BODY, /twice in the hot table/],
  ['has a deadline for a fence', 'fence-by-deadline', IN_BODY, /twice in the hot table/],
])('a worker that %s is caught', async (_, broken, cells, violation) => {
  const { violations } = await runBroken(world, { name: broken, broken, cells })
  expect(violations).toContainEqual(expect.stringMatching(violation))
})

test('the same faults find nothing in the sound worker', async () => {
  const cells = [...AFTER_DELIVERY, ...BEFORE_BODY, ...BEFORE_BODY.map(kill), ...IN_BODY]
  const { violations } = await runBroken(world, { name: 'sound', broken: '', cells })
  expect(violations).toEqual([])
})

function twice(cell: BrokenRun['cells'][number]): BrokenRun['cells'] {
  return [cell, cell]
}

function kill(cell: BrokenRun['cells'][number]): BrokenRun['cells'][number] {
  return { ...cell, fault: 'kill' }
}
