import { describe, expect, it } from 'vitest'
import type { AvroNode, RecordNode } from '../../../schemas/avro-node.ts'
import { DefaultsBudget, defaultBytes, MAX_DEFAULT_BYTES } from '../../../schemas/default-bytes.ts'

const STRING: AvroNode = { kind: 'string', logicalType: null }
const INVALID = { code: 'DAYBOOK_SCHEMA_INVALID' }

function record(...types: readonly (readonly [AvroNode, unknown])[]): RecordNode {
  const fields = types.map(([type, fallback], n) => ({ name: `f${n}`, doc: null, type, default: fallback }))
  return { kind: 'record', name: 'R', doc: null, fields }
}
const thrownBy = (make: () => unknown): unknown => {
  try {
    make()
    return null
  } catch (error) {
    return error
  }
}

describe('the bytes of a default', () => {
  it('are as many as a row may have of them, and no more', () => {
    const most = MAX_DEFAULT_BYTES - 2
    expect(defaultBytes(STRING, 'x'.repeat(most))).toHaveLength(MAX_DEFAULT_BYTES)
    expect(thrownBy(() => defaultBytes(STRING, 'x'.repeat(most + 1)))).toMatchObject(INVALID)
    expect(thrownBy(() => defaultBytes(STRING, '\u20ac'.repeat(most / 2)))).toMatchObject(INVALID)
  })

  it('are counted over all defaults that share a budget', () => {
    const budget = new DefaultsBudget()
    defaultBytes(STRING, 'x'.repeat(5_000), budget)
    expect(thrownBy(() => defaultBytes(STRING, 'x'.repeat(5_000), budget))).toMatchObject(INVALID)
  })

  it('take no memory beyond that, whatever repeats them', () => {
    const items = record([STRING, 'x'.repeat(100_000)])
    const before = process.memoryUsage().external
    const error = thrownBy(() => defaultBytes({ kind: 'array', items }, Array(1_600).fill({})))
    expect(error).toMatchObject(INVALID)
    expect(process.memoryUsage().external - before).toBeLessThan(1_000_000)
  })

  it('are counted also where they are keys, numbers and counts of lists', () => {
    const long: AvroNode = { kind: 'long', logicalType: null }
    const items = Array(2_000).fill(2 ** 50)
    expect(thrownBy(() => defaultBytes({ kind: 'array', items: long }, items))).toMatchObject(INVALID)
    const keys = { ['k'.repeat(MAX_DEFAULT_BYTES)]: 0 }
    expect(thrownBy(() => defaultBytes({ kind: 'map', values: long }, keys))).toMatchObject(INVALID)
  })

  const range: readonly [string, AvroNode, unknown, unknown][] = [
    ['a UUID', { kind: 'string', logicalType: 'uuid' }, '00000000-0000-0000-0000-00000000000A', 'nonsense'],
    ['an int', { kind: 'int', logicalType: null }, 2 ** 31 - 1, 2 ** 31],
    ['a negative int', { kind: 'int', logicalType: null }, -(2 ** 31), -(2 ** 31) - 1],
    [
      'a time',
      { kind: 'long', logicalType: 'timestamp-millis' },
      Date.UTC(2299, 11, 31),
      Date.UTC(2300, 0, 1),
    ],
    ['an early time', { kind: 'long', logicalType: 'timestamp-millis' }, Date.UTC(1900, 0, 1), -1e14],
  ]
  it.each(range)('are those of %s, or there are none', (_name, type, good, bad) => {
    expect(defaultBytes(type, good).length).toBeGreaterThan(0)
    expect(thrownBy(() => defaultBytes(type, bad))).toMatchObject(INVALID)
  })
})
