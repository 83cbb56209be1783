import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readRows } from '../../../schemas/archive/row-reader.ts'
import { type ArchivedRow, packRows } from '../../../schemas/archive/row-writer.ts'
import {
  encodeContainerHeader,
  readContainerBlocks,
  readContainerHeader,
} from '../../../schemas/container.ts'
import { frame } from '../../../schemas/wire.ts'

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const nullable = fc.option(bytes, { nil: null })
const sync = Buffer.alloc(16, 3)

/** What the broker says, or what a producer claims: any 64-bit integer as a double. */
const anyTime = fc.oneof(
  fc.integer({ min: -1, max: 2 ** 45 }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(Number),
)

/** Rows as the worker makes them: only an event may do without its exact value. */
const row: fc.Arbitrary<ArchivedRow> = fc
  .record({
    offset: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    appendTime: anyTime,
    key: nullable,
    kind: fc.constantFrom('event' as const, 'tombstone' as const, 'quarantined' as const),
    raw: bytes,
    exact: fc.boolean(),
    payload: bytes,
  })
  .map(({ kind, raw, exact, ...rest }) => ({
    ...rest,
    kind,
    raw: kind === 'tombstone' || (kind === 'event' && !exact) ? null : raw,
    start: Math.min(5, rest.payload.length),
  }))

/** A time of which the digits of its varint add up to another double. */
const ROUNDED_TIME: ArchivedRow = {
  ...{ offset: 0n, appendTime: -12559697896266510, key: null, kind: 'event', raw: null },
  ...{ payload: Buffer.alloc(0), start: 0 },
}

test('whatever is packed is read back: offset, time, key and value of each record', () => {
  const codec = fc.constantFrom('null' as const, 'deflate' as const, 'zstandard' as const)
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 30 }), codec, (rows, name) => {
      const packed = packRows(rows, { codec: name, sync, blockBytes: 500 })
      const head = encodeContainerHeader({ schemaJson: '{}', codec: name, sync })
      const file = Buffer.concat([head, ...packed.pieces])
      expect(file.length).toBe(head.length + packed.bytes)
      const blocks = [...readContainerBlocks(file, readContainerHeader(file))]
      const back = blocks.flatMap((block) => [...readRows(block, 7)])
      expect(back.map(({ payload: _, ...record }) => record)).toEqual(
        rows.map(({ offset, appendTime, key, kind, raw, payload, start }) => ({
          ...{ offset, appendTime, key, kind },
          value: raw ?? (kind === 'tombstone' ? null : frame(7, payload.subarray(start))),
        })),
      )
    }),
    {
      numRuns: 200,
      examples: [[[ROUNDED_TIME], 'null']],
    },
  )
})

test('a block that is cut, goes on, or lacks a value is refused', () => {
  const one = {
    offset: 1n,
    appendTime: 1,
    key: null,
    kind: 'event',
    raw: null,
    payload: Buffer.from('x'),
    start: 0,
  } as const
  const [, data = Buffer.alloc(0)] = packRows([one], { codec: 'null', sync, blockBytes: 1 }).pieces
  const read = (count: number, of: Buffer, id: number | null) => () => [...readRows({ count, data: of }, id)]
  expect(read(1, data, 7)()).toHaveLength(1)
  expect(read(1, data, null)).toThrow(/lacks its value/)
  expect(read(1, data.subarray(0, -1), 7)).toThrow(/are left|end in the middle/)
  expect(read(1, Buffer.concat([data, data]), 7)).toThrow(/behind its last row/)
  expect(read(2, data, 7)).toThrow()
})
