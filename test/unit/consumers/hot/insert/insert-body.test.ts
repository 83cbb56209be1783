import { describe, expect, it, vi } from 'vitest'
import { SourceRecord } from '../../../../../consumers/engine/source-record.ts'
import type { HotStore } from '../../../../../consumers/hot/clickhouse/store.ts'
import { bodySchema } from '../../../../../consumers/hot/insert/body-schema.ts'
import { createEventInsert } from '../../../../../consumers/hot/insert/event-insert.ts'
import type { EventRow } from '../../../../../consumers/hot/insert/event-rows.ts'
import { BodyEncoder } from '../../../../../consumers/hot/insert/insert-body.ts'
import { HotClaim } from '../../../../../consumers/hot/ownership/claim.ts'
import { noFailpoints } from '../../../../../runtime/failpoints.ts'
import { readContainerBlocks, readContainerHeader } from '../../../../../schemas/container.ts'
import { AUDIT_EVENT_SCHEMA } from '../../../../../schemas/generated/audit-event.ts'

const partition = { topic: 't', topicId: '00000000-0000-4000-8000-000000000001', partition: 0 }

function row(offset: number, payload: string): EventRow {
  const bytes = Buffer.from(payload)
  const record = SourceRecord.of({ offset: BigInt(offset), appendTime: 1, key: null, value: bytes })
  return { partition, record, schemaId: 1, bytes, start: 0, end: bytes.length, source: null, clockTime: null }
}

const many = (letter: string, count = 4_000) =>
  Array.from({ length: count }, (_, n) => row(n, letter.repeat(1_000)))

function blocksOf(pieces: Iterable<Buffer>): Buffer[] {
  return [...pieces].filter((piece) => piece.length > 1_000_000)
}

describe('the body of an insert', () => {
  it('is a container with each payload behind its prefix', () => {
    const encoder = new BodyEncoder(bodySchema(AUDIT_EVENT_SCHEMA))
    const body = Buffer.concat([...encoder.encode([{ range: 0, rows: many('a') }]).pieces])
    const header = readContainerHeader(body)
    const blocks = [...readContainerBlocks(body, header)]
    expect(blocks.reduce((sum, { count }) => sum + count, 0)).toBe(4_000)
    expect(blocks.every(({ data }) => data.includes('a'.repeat(1_000)))).toBe(true)
  })

  it('uses the memory of an earlier one again, once that was released', () => {
    const encoder = new BodyEncoder(bodySchema(AUDIT_EVENT_SCHEMA))
    const first = encoder.encode([{ range: 0, rows: many('a') }])
    const old = new Set(blocksOf(first.pieces).map(({ buffer }) => buffer))
    first.release()
    const blocks = blocksOf(encoder.encode([{ range: 0, rows: many('b') }]).pieces)
    expect(blocks.every(({ buffer }) => old.has(buffer))).toBe(true)
    expect(
      blocks.every((block) => !block.includes('a'.repeat(100)) && block.includes('b'.repeat(1_000))),
    ).toBe(true)
  })

  it('shares no memory with one that was not released', () => {
    const encoder = new BodyEncoder(bodySchema(AUDIT_EVENT_SCHEMA))
    const old = blocksOf(encoder.encode([{ range: 0, rows: many('a') }]).pieces)
    const before = old.map((block) => Buffer.from(block))
    blocksOf(encoder.encode([{ range: 0, rows: many('b') }]).pieces)
    expect(old).toEqual(before)
  })

  it.each([
    ['says that it holds the rows', async () => {}, 1],
    ['gives no answer', async () => Promise.reject(new Error('socket hang up')), 0],
  ])('is released by an answer alone: a store that %s', async (_what, answer, times) => {
    const release = vi.fn()
    const store = { database: 'daybook', insert: answer } as unknown as HotStore
    const insert = createEventInsert({
      ...{ store, table: AUDIT_EVENT_SCHEMA, failpoints: noFailpoints },
      encoding: {
        format: 'Avro',
        hash: { type: 'FixedString(32)', expression: '_content_hash' },
        encode: () => ({ pieces: [], release }),
      },
    })
    const ask = async () => ({ last: null, lastRecord: null, acceptedLossThrough: null })
    const claim = new HotClaim({ partition, epoch: 1n, owner: 'o', tip: -1n, ask })
    await insert.insert([{ claim, rows: [row(0, 'a')] }], new AbortController().signal).catch(() => {})
    expect(release).toHaveBeenCalledTimes(times)
  })
})
