import { describe, expect, test } from 'vitest'
import { RangeSummary } from '../../../../consumers/cold/range-summary.ts'

function tenantsOf(tenants: readonly string[]) {
  const summary = new RangeSummary()
  for (const tenant of tenants) {
    const value = Buffer.from(tenant)
    summary.event(value, { tenantStart: 0, tenantEnd: value.length, occurredAt: 1 })
  }
  return summary.result().tenants
}

const numbered = (count: number, length: number) =>
  Array.from({ length: count }, (_, i) => String(i).padStart(length, 't'))

describe('the tenants of a range', () => {
  test('are listed once each, sorted', () => {
    expect(tenantsOf(['b', 'a', 'b', 'b', 'a', ''])).toEqual(['', 'a', 'b'])
    expect(tenantsOf(numbered(64, 2))).toHaveLength(64)
  })

  test.each([
    ['more than 64', numbered(65, 2)],
    ['one of a megabyte', ['a', 'x'.repeat(2 ** 20), 'b']],
    ['64 that are long together', numbered(64, 1_000)],
  ])('are not listed when there are %s, so that a header stays small', (_, tenants) => {
    expect(tenantsOf(tenants)).toBeNull()
    expect(tenantsOf([...tenants, ...tenants, 'z'])).toBeNull()
  })
})
