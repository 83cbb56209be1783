import { expect, it } from 'vitest'
import { SourceRecord } from '../../../../../consumers/engine/source-record.ts'
import type { HotStore } from '../../../../../consumers/hot/clickhouse/store.ts'
import { createEventInsert } from '../../../../../consumers/hot/insert/event-insert.ts'
import type { EventRow } from '../../../../../consumers/hot/insert/event-rows.ts'
import { HotClaim } from '../../../../../consumers/hot/ownership/claim.ts'
import { noFailpoints } from '../../../../../runtime/failpoints.ts'
import { DaybookError, type ErrorCode } from '../../../../../schemas/errors.ts'
import { AUDIT_EVENT_SCHEMA } from '../../../../../schemas/generated/audit-event.ts'

const partition = { topic: 't', topicId: '00000000-0000-4000-8000-000000000001', partition: 0 }
const forever = new AbortController().signal

function fault(code: ErrorCode, retryable = false): DaybookError {
  return new DaybookError(code, 'test', { retryable, details: { clickhouseCode: 117 } })
}

/** An insert of one row into a store that answers with `error`, and that holds the row nevertheless or not. */
function insertInto(o: { readonly error: unknown; readonly holdsIt: boolean }) {
  const store = {
    database: 'daybook',
    insert: () => Promise.reject(o.error),
    rows: async () => [{ n: o.holdsIt ? '1' : '0' }],
  } as unknown as HotStore
  const inserts = createEventInsert({
    ...{ store, table: AUDIT_EVENT_SCHEMA, failpoints: noFailpoints },
    encoding: {
      format: 'Avro',
      hash: { type: 'FixedString(32)', expression: '_content_hash' },
      encode: () => ({ pieces: [], release: () => {} }),
    },
  })
  const ask = async () => ({ last: null, lastRecord: null, acceptedLossThrough: null })
  const claim = new HotClaim({ partition, epoch: 1n, owner: 'o', tip: -1n, ask })
  const bytes = Buffer.from('a')
  const record = SourceRecord.of({ offset: 0n, appendTime: 1, key: null, value: bytes })
  const row: EventRow = {
    ...{ partition, record, schemaId: 1, bytes, start: 0, end: 1, source: null, clockTime: null },
  }
  return { claim, outcome: inserts.insert([{ claim, rows: [row] }], forever) }
}

const ANSWERS = ['DAYBOOK_HOT_REJECTED', 'DAYBOOK_HOT_TABLE_CHANGED', 'DAYBOOK_HOT_STOPPED'] as const

it.each(ANSWERS)('rows that are in the table are inserted, though the store answers %s', async (code) => {
  const { claim, outcome } = insertInto({ error: fault(code), holdsIt: true })
  expect(await outcome).toEqual({ kind: 'inserted' })
  expect(claim.state).toBe('settled')
})

it('a hint at a row is an outcome', async () => {
  const { claim, outcome } = insertInto({ error: fault('DAYBOOK_HOT_REJECTED'), holdsIt: false })
  expect(await outcome).toEqual({ kind: 'rejected', clickhouseCode: 117 })
  expect(claim.state).toBe('settled')
})

it('after any other answer nothing was written, and the claim is settled', async () => {
  const error = fault('DAYBOOK_HOT_STOPPED')
  const { claim, outcome } = insertInto({ error, holdsIt: false })
  await expect(outcome).rejects.toBe(error)
  expect(claim.state).toBe('settled')
})

it.each([
  ['a lost answer', fault('DAYBOOK_HOT_UNAVAILABLE', true)],
  ['a fault of this program', new TypeError('test')],
])('after %s the claim is unsettled', async (_, error) => {
  const { claim, outcome } = insertInto({ error, holdsIt: true })
  await expect(outcome).rejects.toBe(error)
  expect(claim.state).toBe('unsettled')
})

it('a refusal is left to the fence, whoever has written the rows', async () => {
  const { outcome } = insertInto({ error: fault('DAYBOOK_HOT_REFUSED'), holdsIt: true })
  expect(await outcome).toEqual({ kind: 'refused' })
})
