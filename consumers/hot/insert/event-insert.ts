import { randomUUID } from 'node:crypto'
import type { Failpoints } from '../../../runtime/failpoints.ts'
import type { AvroRecordSchema } from '../../../schemas/avro-schema.ts'
import { partitionKey } from '../../engine/contracts.ts'
import { AVRO_EXCEPTION, faultKind, faultNumber } from '../clickhouse/fault.ts'
import type { HotStore } from '../clickhouse/store.ts'
import type { HotClaim } from '../ownership/claim.ts'
import { insertComment } from '../ownership/running-inserts.ts'
import { withFailpoints } from './body-failpoints.ts'
import type { EventRow } from './event-rows.ts'
import { type BodyPart, bodyBytes } from './insert-body.ts'
import type { InsertEncoding } from './insert-encoding.ts'
import { insertStatements } from './insert-statement.ts'

/** Rows of one partition, with the claim under which they are written. */
export interface ClaimedRows {
  readonly claim: HotClaim
  readonly rows: readonly EventRow[]
}

export type InsertOutcome =
  /** Durable. */
  | { readonly kind: 'inserted' }
  /** The fence refused it: nothing was written. */
  | { readonly kind: 'refused' }
  /** The store cannot hold at least one of the rows: nothing was written. */
  | { readonly kind: 'rejected'; readonly clickhouseCode: number | null }

export interface EventInsert {
  /** One insert, one block. A throw is ambiguous, or a reason to stop; the claims are then marked `ambiguous`. */
  insert(parts: readonly ClaimedRows[], signal: AbortSignal): Promise<InsertOutcome>
}

export function createEventInsert(o: {
  readonly store: HotStore
  readonly table: AvroRecordSchema
  readonly encoding: InsertEncoding
  readonly failpoints: Failpoints
}): EventInsert {
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

  /** Where the last insert of a partition began that failed as Avro. */
  const unreadable = new Map<string, bigint>()

  /**
   * The store says "bad Avro" of a body that was cut short, and would say it of bytes that only its reader refuses.
   * The first is cured by another try; so the second failure at the same place is the rows' own.
   */
  function interpret(error: unknown, parts: readonly ClaimedRows[]): InsertOutcome {
    const number = faultNumber(error)
    const kind = faultKind(error)
    if (kind === 'refused') return { kind }
    if (number === AVRO_EXCEPTION) {
      const { partition, offset } = placeOf(parts)
      const again = unreadable.get(partition) === offset
      unreadable.set(partition, offset)
      if (again) return { kind: 'rejected', clickhouseCode: number }
    }
    if (kind === 'data') return { kind: 'rejected', clickhouseCode: number }
    throw error
  }

  return {
    insert: async (parts, signal) => {
      for (const { claim } of parts) claim.ambiguous = true
      const outcome = await send(parts, signal).then(
        (): InsertOutcome => ({ kind: 'inserted' }),
        (error: unknown) => interpret(error, parts),
      )
      await failpoints.hit('effect.after')
      await failpoints.hit('answer.before')
      for (const { claim } of parts) claim.ambiguous = false
      await failpoints.hit('answer.after')
      return outcome
    },
  }
}

function placeOf(parts: readonly ClaimedRows[]): { readonly partition: string; readonly offset: bigint } {
  const [first] = parts
  const row = first?.rows[0]
  if (row === undefined) throw new TypeError('an insert without rows')
  return { partition: partitionKey(row.partition), offset: row.record.offset }
}

function totalBytes(parts: readonly BodyPart[]): number {
  let bytes = 0
  for (const { rows } of parts) for (const row of rows) bytes += bodyBytes(row)
  return bytes
}
