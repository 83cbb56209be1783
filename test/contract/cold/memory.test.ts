import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { FloodName, FloodReport } from '../../support/cold/flood-child.ts'

const CHILD = fileURLToPath(new URL('../../support/cold/flood-child.ts', import.meta.url))
const BATCHES = 8

async function flood(name: FloodName): Promise<FloodReport> {
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, name, String(BATCHES)])
  return JSON.parse(stdout)
}

test.each([
  ['packed-batches', BATCHES],
  ['empty-batches', BATCHES],
  ['large-events', BATCHES * 32],
] as const)('a flood of %s is archived in bounded memory', { timeout: 240_000 }, async (name, records) => {
  const { committed, peakBytes } = await flood(name)
  expect(committed).toBe(records)
  expect(peakBytes).toBeLessThan(400 * 1024 * 1024)
})
