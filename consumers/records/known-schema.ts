import { parseRecordSchema } from '../../schemas/avro-node.ts'
import type { AvroRecordSchema } from '../../schemas/avro-schema.ts'
import { DaybookError } from '../../schemas/errors.ts'
import { withNewestRules } from '../../schemas/newest-rules.ts'
import { ReferenceReader } from '../../schemas/reference-reader.ts'
import { relationOf, type SchemaRelation } from '../../schemas/relation.ts'
import { compileResolver } from '../../schemas/resolve.ts'
import { compileSkipper, type Skipper } from '../../schemas/skip.ts'
import { readBoundedSchema, schemaFault } from './schema-limits.ts'

/** The only record type of the event topics. */
const EVENT_NAME = 'io.daybook.AuditEvent'
const NOTHING: AvroRecordSchema = { type: 'record', name: EVENT_NAME, fields: [] }

/** The newest version that this build knows, as text and parsed. */
export interface NewestSchema {
  readonly text: string
  readonly schema: AvroRecordSchema
}

/** A version of AuditEvent that the registry knows. */
export interface KnownSchema {
  readonly id: number
  /** The text exactly as registered. */
  readonly text: string
  /** Parsed, with the newest schema's logical types and defaults, whose rules hold for every version. */
  readonly schema: AvroRecordSchema
  /** How it stands to the newest schema of this build. Never `incompatible`. */
  readonly relation: Exclude<SchemaRelation, 'incompatible'>
  readonly skipper: Skipper
  /** Asked about records that the skipper refuses. */
  readonly reference: Pick<ReferenceReader, 'isEvent'>
}

export type SchemaEntry =
  | { readonly kind: 'event'; readonly known: KnownSchema }
  | { readonly kind: 'wrong'; readonly reason: string }

/**
 * What to think of a schema that the registry holds under `id`. Bounded in time, memory and the code that is made of
 * it, whatever the text says: whoever may register must not be able to stop a worker.
 */
export function judgeSchema(
  id: number,
  found: { readonly text: string; readonly schemaType: string },
  newest: NewestSchema,
): SchemaEntry {
  if (found.schemaType !== 'AVRO') return wrong(`schema ${id} is of type ${found.schemaType}, not AVRO`)
  try {
    return judgeAvro(id, found.text, newest)
  } catch (error) {
    if (isOfTheSchema(error)) return wrong(`schema ${id} cannot be used`)
    throw error
  }
}

function judgeAvro(id: number, text: string, newest: NewestSchema): SchemaEntry {
  const registered = readBoundedSchema(text)
  const node = parseRecordSchema(registered)
  if (node.name !== EVENT_NAME) return wrong(`schema ${id} is no ${EVENT_NAME}`)
  const relation = relationOf(node, parseRecordSchema(newest.schema))
  if (relation === 'incompatible') return wrong(`schema ${id} does not go with ${EVENT_NAME}`)
  const fault = schemaFault(registered, node, newest.schema)
  if (fault !== null) return wrong(`schema ${id} ${fault}`)
  const schema = withNewestRules(registered, newest.schema)
  // Sinks compile these steps too; a schema for which that fails must not get so far.
  compileResolver(NOTHING, schema)
  compileResolver(schema, schema)
  if (relation === 'older') compileResolver(schema, newest.schema)
  if (!goTogether(schema, newest.schema)) return wrong(`schema ${id} does not go with ${EVENT_NAME}`)
  const compiled = { skipper: compileSkipper(schema), reference: new ReferenceReader(schema) }
  return { kind: 'event', known: { id, text, schema, relation, ...compiled } }
}

/**
 * Whether records of both can stand in one file: one schema has a place for all that the other says, or each can be
 * brought into the other. So of any such schemas there is one that all the others can be brought into.
 */
export function goTogether(one: AvroRecordSchema, other: AvroRecordSchema): boolean {
  return covers(one, other) || covers(other, one) || (resolves(one, other) && resolves(other, one))
}

function covers(wide: AvroRecordSchema, narrow: AvroRecordSchema): boolean {
  const relation = relationOf(parseRecordSchema(narrow), parseRecordSchema(wide))
  return relation === 'same' || relation === 'older'
}

function resolves(from: AvroRecordSchema, to: AvroRecordSchema): boolean {
  try {
    compileResolver(from, to)
    return true
  } catch (error) {
    if (isOfTheSchema(error)) return false
    throw error
  }
}

/** What parsing and compiling throw because of what a schema says, a stack that was too small for it included. */
function isOfTheSchema(error: unknown): boolean {
  return error instanceof DaybookError || error instanceof SyntaxError || error instanceof RangeError
}

function wrong(reason: string): SchemaEntry {
  return { kind: 'wrong', reason }
}
