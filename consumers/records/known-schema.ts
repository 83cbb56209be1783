import { parseRecordSchema, type RecordNode } from '../../schemas/avro-node.ts'
import type { AvroRecordSchema } from '../../schemas/avro-schema.ts'
import { DaybookError } from '../../schemas/errors.ts'
import { withNewestRules } from '../../schemas/newest-rules.ts'
import { ReferenceReader } from '../../schemas/reference-reader.ts'
import { isCovered, relationOf, type SchemaRelation } from '../../schemas/relation.ts'
import { compileStep } from '../../schemas/resolve.ts'
import { compileSkipper, type Skipper } from '../../schemas/skip.ts'
import { readBoundedSchema, schemaFault } from './schema-limits.ts'

/** The only record type of the event topics. */
const EVENT_NAME = 'io.daybook.AuditEvent'
const NOTHING: RecordNode = { kind: 'record', name: EVENT_NAME, doc: null, fields: [] }

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
  /** The same, names resolved. */
  readonly node: RecordNode
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
  const written = parseRecordSchema(registered)
  const newestNode = parseRecordSchema(newest.schema)
  if (written.name !== EVENT_NAME) return wrong(`schema ${id} is no ${EVENT_NAME}`)
  const relation = relationOf(written, newestNode)
  if (relation === 'incompatible') return wrong(`schema ${id} does not go with ${EVENT_NAME}`)
  const fault = schemaFault(registered, written, newest.schema)
  if (fault !== null) return wrong(`schema ${id} ${fault}`)
  const schema = withNewestRules(registered, newest.schema)
  const node = parseRecordSchema(schema)
  // Sinks compile these steps too; a schema for which that fails must not get so far.
  compileStep(NOTHING, node)
  compileStep(node, node)
  if (relation === 'older') compileStep(node, newestNode)
  if (!goTogether(node, newestNode)) return wrong(`schema ${id} does not go with ${EVENT_NAME}`)
  const compiled = { skipper: compileSkipper(schema), reference: new ReferenceReader(schema) }
  return { kind: 'event', known: { id, text, schema, node, relation, ...compiled } }
}

/**
 * Whether records of both can stand in one file: one schema has a place for all that the other says and takes it, or
 * each can be brought into the other. So of any such schemas there is one that all the others can be brought into: of
 * those for which no other one has more places, any.
 */
export function goTogether(one: RecordNode, other: RecordNode): boolean {
  if (covers(one, other)) return resolves(other, one)
  if (covers(other, one)) return resolves(one, other)
  return resolves(one, other) && resolves(other, one)
}

function covers(wide: RecordNode, narrow: RecordNode): boolean {
  return isCovered(relationOf(narrow, wide))
}

function resolves(from: RecordNode, to: RecordNode): boolean {
  try {
    compileStep(from, to)
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
