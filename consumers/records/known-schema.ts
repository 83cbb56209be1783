import { parseRecordSchema } from '../../schemas/avro-node.ts'
import type { AvroRecordSchema } from '../../schemas/avro-schema.ts'
import { DaybookError } from '../../schemas/errors.ts'
import { withNewestRules } from '../../schemas/newest-rules.ts'
import { relationOf, type SchemaRelation } from '../../schemas/relation.ts'
import { compileResolver } from '../../schemas/resolve.ts'
import { compileSkipper, type Skipper } from '../../schemas/skip.ts'

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
}

export type CatalogueEntry =
  | { readonly kind: 'event'; readonly known: KnownSchema }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'wrong'; readonly reason: string }

/** What to think of a schema that the registry holds under `id`. */
export function judgeSchema(
  id: number,
  found: { readonly text: string; readonly schemaType: string },
  newest: NewestSchema,
): CatalogueEntry {
  if (found.schemaType !== 'AVRO') return wrong(`schema ${id} is of type ${found.schemaType}, not AVRO`)
  try {
    return judgeAvro(id, found.text, newest)
  } catch (error) {
    if (error instanceof DaybookError || error instanceof SyntaxError)
      return wrong(`schema ${id} cannot be used`)
    throw error
  }
}

function judgeAvro(id: number, text: string, newest: NewestSchema): CatalogueEntry {
  const registered: AvroRecordSchema = JSON.parse(text)
  const node = parseRecordSchema(registered)
  if (node.name !== EVENT_NAME) return wrong(`schema ${id} is no ${EVENT_NAME}`)
  const relation = relationOf(node, parseRecordSchema(newest.schema))
  if (relation === 'incompatible') return wrong(`schema ${id} does not go with ${EVENT_NAME}`)
  const schema = withNewestRules(registered, newest.schema)
  // Sinks compile these steps too; a schema for which that fails must not get so far.
  compileResolver(NOTHING, schema)
  if (relation === 'older') compileResolver(schema, newest.schema)
  return { kind: 'event', known: { id, text, schema, relation, skipper: compileSkipper(schema) } }
}

function wrong(reason: string): CatalogueEntry {
  return { kind: 'wrong', reason }
}
