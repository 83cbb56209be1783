import type { AvroRecordSchema } from '../../../schemas/avro-schema.ts'
import { bodySchema } from './body-schema.ts'
import { BodyEncoder, type BodyPart, type InsertBody } from './insert-body.ts'

/** How rows become the body of an insert. */
export interface InsertEncoding {
  /** ClickHouse's name of the format. */
  readonly format: string
  /** How the body carries `_content_hash`: its type there, and what makes the column's value of it. */
  readonly hash: { readonly type: string; readonly expression: string }
  encode(parts: readonly BodyPart[]): InsertBody
}

/** The events' own bytes behind a prefix: nothing is decoded (docs/decisions/hot-insert.md). */
export function avroEncoding(table: AvroRecordSchema): InsertEncoding {
  const encoder = new BodyEncoder(bodySchema(table))
  return {
    format: 'Avro',
    hash: { type: 'FixedString(32)', expression: '_content_hash' },
    encode: (parts) => encoder.encode(parts),
  }
}
