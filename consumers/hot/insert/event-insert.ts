import { randomUUID } from 'node:crypto'
import type { Failpoints } from '../../../runtime/failpoints.ts'
import type { AvroRecordSchema } from '../../../schemas/avro-schema.ts'
import { faultKind, faultNumber } from '../clickhouse/fault.ts'
import { identifier, quote } from '../clickhouse/quote.ts'
import type { HotStore } from '../clickhouse/store.ts'
import type { HotClaim } from '../ownership/claim.ts'
import { insertComment } from '../ownership/running-inserts.ts'
import { withFailpoints } from './body-failpoints.ts'
import type { EventRow } from './event-rows.ts'
import { type BodyPart, bodyBytes } from './insert-body.ts'
import type { InsertEncoding } from './insert-encoding.ts'
import { insertStatements } from './insert-statement.ts'
import { referenceEvent } from './reference-event.ts'

/** Rows of one partition, with the claim under which they are written. At least one. */
export interface ClaimedRows {
  readonly claim: HotClaim
  readonly rows: readonly EventRow[]
}

export type InsertOutcome =
  /** Durable. */
  | { readonly kind: 'inserted' }
  /** The fence refused it and nothing was written; or a view of the table did, and the rows may be in the table. */
  | { readonly kind: 'refused' }
  /** The store may be unable to read at least one of the rows: nothing was written. */
  | { readonly kind: 'rejected'; readonly clickhouseCode: number | null }

export interface EventInsert {
  /**
   * One insert, one block. After a throw whose claims are still `unsettled` it may or may not have been written;
   * after any other nothing was.
   */
  insert(parts: readonly ClaimedRows[], signal: AbortSignal): Promise<InsertOutcome>
  /** Whether the table holds all of these rows. Call when no insert of theirs can run. */
  areStored(parts: readonly ClaimedRows[], signal: AbortSignal): Promise<boolean>
  /**
   * The error number with which the store cannot read this row, though it reads others, when no table takes part;
   * null: it can.
   * @throws as `HotStore` does; also when it cannot read any row
   */
  unreadable(row: EventRow, signal: AbortSignal): Promise<number | null>
}

export interface EventInsertOptions {
  readonly store: HotStore
  readonly table: AvroRecordSchema
  readonly encoding: InsertEncoding
  readonly failpoints: Failpoints
}

type Settled = InsertOutcome | { readonly kind: 'failed'; readonly error: unknown }

export function createEventInsert(o: EventInsertOptions): EventInsert {
  const { store, failpoints, encoding } = o
  const statements = insertStatements({ database: store.database, schema: o.table, encoding })

  async function send(parts: readonly ClaimedRows[], signal: AbortSignal): Promise<void> {
    const owned = parts.map(({ claim }) => ({ partition: claim.partition, owner: claim.owner }))
    const bodyParts: BodyPart[] = parts.map(({ rows }, range) => ({ range, rows }))
    const body = encoding.encode(bodyParts)
    await store.insert({
      sql: statements.insert(owned),
      body: withFailpoints(body.pieces, totalBytes(bodyParts), failpoints),
      queryId: `daybook-hot-${randomUUID()}`,
      comment: insertComment(store.database, owned),
      signal,
    })
    body.release()
  }

  async function readAlone(row: EventRow, signal: AbortSignal): Promise<void> {
    const { pieces } = encoding.encode([{ range: 0, rows: [row] }])
    const queryId = `daybook-hot-read-${randomUUID()}`
    await store.insert({ sql: statements.readOnly, body: stream(pieces), queryId, comment: queryId, signal })
  }

  return {
    insert: async (parts, signal) => {
      for (const { claim } of parts) claim.beginInsert()
      const owners = parts.map(({ claim }) => claim.owner)
      const outcome = await send(parts, signal).then(
        (): Settled => ({ kind: 'inserted' }),
        (error: unknown) => interpret(store, error, parts, signal),
      )
      await failpoints.hit('effect.after')
      await failpoints.hit('answer.before')
      for (const [index, { claim }] of parts.entries()) claim.settled(owners[index] ?? '')
      await failpoints.hit('answer.after')
      if (outcome.kind === 'failed') throw outcome.error
      return outcome
    },
    areStored: (parts, signal) => areStored(store, parts, signal),
    unreadable: async (row, signal) => {
      await readAlone(referenceEvent(o.table), signal)
      return readAlone(row, signal).then(
        () => null,
        (error: unknown) => {
          if (faultKind(error) !== 'value') throw error
          return faultNumber(error)
        },
      )
    },
  }
}

/**
 * An error is no proof that nothing was written: where somebody attached a view to the table that fails, the rows are
 * in the table, and sent again they would stand there twice. @throws where the store gave no answer
 */
async function interpret(
  store: HotStore,
  error: unknown,
  parts: readonly ClaimedRows[],
  signal: AbortSignal,
): Promise<Settled> {
  const kind = faultKind(error)
  if (kind === null || kind === 'retry') throw error
  if (kind === 'refused') return { kind }
  if (await areStored(store, parts, signal)) return { kind: 'inserted' }
  if (kind === 'value') return { kind: 'rejected', clickhouseCode: faultNumber(error) }
  return { kind: 'failed', error }
}

/** Rows of a partition go in order, so where the last one is, all are. */
async function areStored(
  store: HotStore,
  parts: readonly ClaimedRows[],
  signal: AbortSignal,
): Promise<boolean> {
  const places = parts.map(({ claim: { partition }, rows }) => {
    const last = rows.at(-1)
    return `(${quote(partition.topicId)}::UUID,${partition.partition}::UInt32,${last?.record.offset}::Int64)`
  })
  const [row] = await store.rows<{ n: string }>(
    `SELECT toString(uniqExact(_topic_id,_partition,_offset)) AS n FROM ${identifier(store.database)}.events WHERE (_topic_id,_partition,_offset) IN [${places.join(',')}]`,
    { signal },
  )
  return row?.n === String(parts.length)
}

async function* stream(pieces: Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield* pieces
}

function totalBytes(parts: readonly BodyPart[]): number {
  let bytes = 0
  for (const { rows } of parts) for (const row of rows) bytes += bodyBytes(row)
  return bytes
}
