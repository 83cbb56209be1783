import avro from 'avsc'
import { hashOf, payloadOf } from '../../../consumers/hot/insert/event-rows.ts'
import type { BodyPart } from '../../../consumers/hot/insert/insert-body.ts'
import type { InsertEncoding } from '../../../consumers/hot/insert/insert-encoding.ts'
import { receivedAt } from '../../../consumers/hot/insert/receipt-time.ts'
import { AUDIT_EVENT_SCHEMA } from '../../../schemas/generated/audit-event.ts'

/** As large as the pieces of the worker's own encoding. */
const PIECE_CHARACTERS = 1 << 20

/** Fields that are records become columns of their own. */
const NESTED = new Set(
  AUDIT_EVENT_SCHEMA.fields
    .filter(({ type }) => typeof type === 'object' && 'type' in type && type.type === 'record')
    .map(({ name }) => name),
)

/** What a worker sends that decodes every event: one line of JSON for each, with the same columns as ours. */
export function decodeJsonEncoding(): InsertEncoding {
  const type = avro.Type.forSchema(JSON.parse(JSON.stringify(AUDIT_EVENT_SCHEMA)))
  return {
    format: 'JSONEachRow',
    hash: { type: 'String', expression: 'unhex(_content_hash)' },
    encode: (parts) => ({ pieces: linesOf(parts, type), release: () => {} }),
  }
}

function* linesOf(parts: readonly BodyPart[], type: avro.Type): Generator<Buffer, void, void> {
  let text = ''
  for (const { range, rows } of parts) {
    for (const row of rows) {
      const event: Record<string, unknown> = type.fromBuffer(payloadOf(row))
      const line: Record<string, unknown> = {
        _range: range,
        _offset: Number(row.record.offset),
        _received_at: receivedAt(row),
        _schema_id: row.schemaId,
        _content_hash: hashOf(row).toString('hex'),
      }
      flatten(event, line)
      text += `${JSON.stringify(line)}\n`
      if (text.length < PIECE_CHARACTERS) continue
      yield Buffer.from(text)
      text = ''
    }
  }
  if (text !== '') yield Buffer.from(text)
}

function flatten(event: Record<string, unknown>, line: Record<string, unknown>): void {
  for (const name in event) {
    const value = event[name]
    if (!NESTED.has(name) || typeof value !== 'object' || value === null) line[name] = value
    else for (const [inner, held] of Object.entries(value)) line[`${name}_${inner}`] = held
  }
}
