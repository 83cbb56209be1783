import { describe, expect, it } from 'vitest'
import { eventIdsOf } from '../../../../support/hot/event-ids.ts'

const LOW = '019a4f00-0000-7000-8000-ffffffffffff'
const MIDDLE = '019a4f00-0001-7000-8000-000000000000'
const HIGH = 'ffffffff-0000-7000-8000-000000000001'

const numberOf = (uuid: string) => BigInt(`0x${uuid.replaceAll('-', '')}`)

describe('the ids of a delivery', () => {
  it('have bounds as ClickHouse orders 128-bit numbers, in whatever order they come', () => {
    for (const ids of [
      [LOW, MIDDLE, HIGH],
      [HIGH, MIDDLE, LOW],
      [MIDDLE, HIGH, LOW],
    ])
      expect(eventIdsOf(ids).bounds()).toEqual({ least: numberOf(LOW), greatest: numberOf(HIGH) })
    expect(eventIdsOf([MIDDLE]).bounds()).toEqual({ least: numberOf(MIDDLE), greatest: numberOf(MIDDLE) })
  })

  it('are found among others', () => {
    const ids = eventIdsOf([LOW, MIDDLE, HIGH])
    const others = eventIdsOf([MIDDLE, '019a4f00-0001-7000-8000-000000000002', LOW])
    expect(ids.among(others.bytes)).toEqual(eventIdsOf([MIDDLE, LOW]).bytes)
    expect(ids.among(Buffer.alloc(0))).toHaveLength(0)
  })
})
