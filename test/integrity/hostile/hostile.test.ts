import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWorld, type World } from '../faults/world.ts'
import { playCases } from './campaign.ts'
import { CASES } from './cases/all.ts'
import type { CaseResult } from './hostile-case.ts'

const cases = CASES.filter(({ inTest }) => inTest)
const PLAY_TIMEOUT_MS = 600_000

const directory = mkdtempSync(join(tmpdir(), 'daybook-hostile-'))
let world: World
let results: readonly CaseResult[] = []

beforeAll(async () => {
  world = await startWorld(directory)
  results = await playCases(world, cases, () => undefined)
}, PLAY_TIMEOUT_MS)

afterAll(async () => {
  await world.close()
  const failed = results.some(({ faults }) => faults.length > 0)
  if (!failed && process.env['DAYBOOK_KEEP_TEST_DATA'] === undefined)
    rmSync(directory, { recursive: true, force: true })
}, 60_000)

test.each(cases.map(({ name }) => name))('%s: harms only itself', (name) => {
  const result = results.find((each) => each.name === name)
  expect(result?.faults).toEqual([])
})
