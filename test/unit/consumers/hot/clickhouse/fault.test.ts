import { ClickHouseError } from '@clickhouse/client'
import { expect, it } from 'vitest'
import { faultKind, hotFault } from '../../../../../consumers/hot/clickhouse/fault.ts'

const answer = (code: number) =>
  hotFault(new ClickHouseError({ message: 'secret value', code: String(code), type: 'NAME' }))

it('only codes that the value of a row raises in our insert are a hint at the row', () => {
  const hints = Array.from({ length: 1_100 }, (_, code) => code).filter(
    (code) => faultKind(answer(code)) === 'value',
  )
  expect(hints).toEqual([117, 376, 748])
})

it.each([192, 193, 194, 497, 516])('error %i is of the worker: its user or its rights are wrong', (code) => {
  expect(answer(code)).toMatchObject({ code: 'DAYBOOK_HOT_FORBIDDEN', scope: 'worker', retryable: false })
})

it.each([16, 47, 60, 81, 131, 469, 691])('error %i is of the table and stops partitions', (code) => {
  expect(answer(code)).toMatchObject({
    code: 'DAYBOOK_HOT_TABLE_CHANGED',
    scope: 'partition',
    retryable: false,
  })
})

it.each([0, 34, 49, 164, 1_099, 99_999])(
  'error %i is not known and stops no more than partitions',
  (code) => {
    expect(answer(code)).toMatchObject({ code: 'DAYBOOK_HOT_STOPPED', scope: 'partition', retryable: false })
  },
)

it('no text of the store is repeated: it may quote values', () => {
  for (const code of [34, 376, 497]) expect(answer(code).message).not.toContain('secret')
})
