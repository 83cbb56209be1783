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

  it.each([
    ['first', (hex: string) => `${hex}-0000-7000-8000-000000000001`],
    ['second', (hex: string) => `019a4f00-${hex.slice(0, 4)}-7${hex.slice(5)}-8000-000000000001`],
    ['third', (hex: string) => `019a4f00-0000-7000-${hex.slice(0, 4)}-${hex.slice(4)}00000001`],
    ['last', (hex: string) => `019a4f00-0000-7000-8000-0000${hex}`],
  ])('are told apart as fast where all that differs is the %s part', (_, idOf) => {
    // Where they collide this takes a minute.
    const ids = Array.from({ length: 100_000 }, (_, at) => idOf((at * 16).toString(16).padStart(8, '0')))
    const distinct = new Set(ids).size
    expect(eventIdsOf(ids).repeated).toHaveLength(ids.length - distinct)
  })
})
