import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SEED_VARIABLE, seedOfRun } from '../../support/seed.ts'

describe('the seed of a run', () => {
  it('is drawn anew for each run', () => {
    const seeds = new Set(Array.from({ length: 20 }, () => seedOfRun({})))
    expect(seeds.size).toBeGreaterThan(1)
  })

  it('is the one of the environment where that names one', () => {
    expect(seedOfRun({ [SEED_VARIABLE]: '4711' })).toBe(4711)
  })

  it.each(['x', '-1', '1.5', '2147483648'])('cannot be %s', (text) => {
    expect(() => seedOfRun({ [SEED_VARIABLE]: text })).toThrow(SEED_VARIABLE)
  })

  it('decides the inputs of property tests', () => {
    expect(fc.readConfigureGlobal().seed).toBe(seedOfRun(process.env))
  })
})
