import { expect, test } from 'vitest'
import { ALL_CELLS, cellName, planRun, WORKERS, WORLD_FAULTS } from '../../integrity/faults/plan.ts'

const plans = (seed: number, runs: number) => Array.from({ length: runs }, (_, run) => planRun(seed, run))

test('a run can be planned alone: the same seed and number give the same faults', () => {
  expect(planRun(7, 11)).toEqual(planRun(7, 11))
  expect(planRun(8, 11)).not.toEqual(planRun(7, 11))
})

test('every cell comes once before any comes twice, as many for either worker', () => {
  const cells = plans(3, 12).flatMap((plan) => plan.cells.map(cellName))
  expect(new Set(cells).size).toBe(ALL_CELLS.length)
  expect(cells.length).toBe(ALL_CELLS.length)
  for (const plan of plans(3, 12)) {
    for (const worker of WORKERS) expect(plan.cells.filter((cell) => cell.worker === worker)).toHaveLength(4)
  }
})

test('every run has at least six faults of at least three kinds', () => {
  for (const plan of plans(5, 200)) {
    expect(plan.cells.length + plan.world.length).toBeGreaterThanOrEqual(6)
    const kinds = new Set([...plan.cells.map((cell) => cell.fault), ...plan.world])
    expect(kinds.size).toBeGreaterThanOrEqual(3)
  }
})

test('every fault of the world comes', () => {
  expect(new Set(plans(1, 8).flatMap((plan) => plan.world)).size).toBe(WORLD_FAULTS.length)
})
