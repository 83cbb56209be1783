import type { AvroRecordSchema } from '../../schemas/avro-schema.ts'
import { type BodyPart, createBodyEncoder } from './insert-body.ts'
import { bodySchema } from './statements.ts'

/** How rows become the body of an insert. */
export interface InsertEncoding {
  /** ClickHouse's name of the format. */
  readonly format: string
  /** How the body carries `_content_hash`: its type there, and what makes the column's value of it. */
  readonly hash: { readonly type: string; readonly expression: string }
  /** Pieces are built when they are asked for, and each is valid for good. */
  encode(parts: readonly BodyPart[]): Generator<Buffer, void, void>
}

/** The events' own bytes behind a prefix: nothing is decoded (docs/decisions/hot-insert.md). */
export function avroEncoding(table: AvroRecordSchema): InsertEncoding {
  return {
    format: 'Avro',
    hash: { type: 'FixedString(32)', expression: '_content_hash' },
    encode: createBodyEncoder(bodySchema(table)).encode,
  }
}
