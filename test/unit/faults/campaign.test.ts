import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { ResultFile, summarise } from '../../integrity/faults/campaign.ts'

const directory = mkdtempSync(join(tmpdir(), 'daybook-results-'))
const path = join(directory, 'seed.jsonl')
afterEach(() => rmSync(path, { force: true }))

const result = (run: number) => ({
  ...{ run, seed: 1, seconds: 10 + run, records: 20_000, events: 20_000, polls: 50, restarts: 0 },
  ...{ faults: ['hot:cut.before:kill', 'broker-restart'], missed: [], violations: [] },
  ...{ lost: run, duplicated: 0, machine: { cores: 2 } },
})

test('a line that was cut short is dropped, and the next result follows the whole ones', () => {
  const file = new ResultFile(path)
  file.add(result(0))
  appendFileSync(path, JSON.stringify(result(1)).slice(0, 30))
  expect(file.read().map(({ run }) => run)).toEqual([0])
  file.add(result(1))
  expect(new ResultFile(path).read()).toEqual([result(0), result(1)])
})

test('the summary adds up runs and counts how often each fault was seen', () => {
  expect(summarise(1, [result(0), result(1)])).toMatchObject({
    ...{ runs: 2, seed: 1, faults: 4, lost: 1, duplicated: 0, violations: 0, rarestCell: 0 },
    cells: { 'hot:cut.before:kill': 2, 'broker-restart': 2 },
    machine: { cores: 2 },
  })
})
